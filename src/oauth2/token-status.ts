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
  const field = (status: TokenStatus, name: 'validUntil' | 'code'): unknown =>
    name in status ? status[name as keyof TokenStatus] : undefined
  return (
    a.state === b.state &&
    field(a, 'code') === field(b, 'code') &&
    field(a, 'validUntil') === field(b, 'validUntil')
  )
}
