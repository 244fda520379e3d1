import type { Hint } from './hint.ts'
import type { ClientAuthMethod, TokenType } from './token-settings.ts'

/** The result of the Test button. It never contains a token. */
export type TokenTestResult =
  | {
      ok: true
      tokenEndpoint: string
      /** The method that was used, `auto` resolved. */
      clientAuth: ClientAuthMethod
      /** The only type that is accepted. */
      tokenType: TokenType
      /** Seconds, as the answer or the token says; `null` if the server gave nothing usable. */
      expiresIn: number | null
      scope: string
      elapsedMs: number
    }
  | {
      ok: false
      code: string
      status: number | null
      description: string
      /** What to do, in English; empty if the description says it. */
      hint: string
      /** The same for a reader of any language; empty if there is only the English text, or none. */
      hints: readonly Hint[]
    }
