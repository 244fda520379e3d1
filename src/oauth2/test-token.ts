import type { HttpClient } from '../http-client/http-client.ts'
import { oneLine } from './secrets.ts'
import { systemClock, type Clock } from './clock.ts'
import { TokenClient } from './token-client.ts'
import type { TokenError } from './token-error.ts'
import type { ClientAuthMethod, TokenSettings } from './token-settings.ts'

/** The answer of the Test button. It never holds a token. */
export type TokenTestResult =
  | {
      ok: true
      tokenEndpoint: string
      /** The method that was used, `auto` resolved. */
      clientAuth: ClientAuthMethod
      tokenType: string
      /** Seconds; `null` where the server said nothing usable. */
      expiresIn: number | null
      scope: string
      elapsedMs: number
    }
  | { ok: false; code: string; status: number | null; description: string; hint: string }

/** Asks for one token with these settings, beside every cache and back-off. Never rejects. */
export async function testToken(
  settings: TokenSettings,
  httpClient: HttpClient,
  clock: Clock = systemClock
): Promise<TokenTestResult> {
  const startedAt = clock.monotonic()
  try {
    const client = new TokenClient(settings, httpClient, clock)
    const { tokenEndpoint, clientAuth, tokenType, expiresIn, scope } = await client.obtain(
      new AbortController().signal
    )
    const elapsedMs = Math.round(clock.monotonic() - startedAt)
    return {
      ok: true,
      tokenEndpoint: oneLine(tokenEndpoint),
      clientAuth,
      tokenType,
      expiresIn: expiresIn ?? null,
      scope: oneLine(scope),
      elapsedMs
    }
  } catch (error) {
    const { code, status, description, message, hint } = error as TokenError
    return { ok: false, code, status: status ?? null, description: description ?? message, hint }
  }
}
