import { isJsonObject, parseJson } from '../json-text.ts'

/** With less, in seconds, the clocks of the server and of this machine are more likely to differ. */
const LEAST_LEFT = 60

/**
 * How long a token lives whose answer does not say it: by its own `exp` (RFC 7519 §4.1.4), if it is a JWT. It is a number
 * that nobody has verified, and nothing else is believed for it: a wrong one makes the receiver refuse the token, or a
 * fresh one come early.
 *
 * @param now wall clock, milliseconds
 * @returns seconds; undefined if it does not say it either
 */
export function lifetimeInToken(token: string, now: number): number | undefined {
  const [, payload = '', signature] = token.split('.')
  if (signature === undefined) return undefined
  const claims = parseJson(Buffer.from(payload, 'base64url').toString())
  if (!isJsonObject(claims)) return undefined
  const { exp, iat } = claims
  if (typeof exp !== 'number') return undefined
  const left = exp - now / 1000
  // A token that is issued again is older than that; where the clocks differ, only this is right.
  const whole = typeof iat === 'number' ? exp - iat : left
  const lifetime = left >= LEAST_LEFT && left < whole ? left : whole
  return lifetime >= 1 ? lifetime : undefined
}
