/** What a node can show about its token. Times are wall clock, milliseconds since the epoch. */
export type TokenStatus =
  /** Nobody has asked for a token yet, or the last one has expired unused. */
  | { state: 'idle' }
  | { state: 'ok'; validUntil: number }
  /** The token still serves; the attempts to refresh it fail with this code. */
  | { state: 'refresh failing'; validUntil: number; code: string }
  /** There is no token, and this is why. */
  | { state: 'none'; code: string }

/** Whether two statuses show the same. */
export function sameStatus(a: TokenStatus, b: TokenStatus): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
