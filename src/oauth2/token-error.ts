import type { HttpErrorFamily } from '../http-client/http-error.ts'

/** The facts of a failure to get a token. All texts are safe to print. */
export interface TokenErrorFacts {
  /**
   * An OAuth code (`invalid_client`), a Node.js code (`ECONNREFUSED`), one of ours (`ERR_…`), or
   * `CONFIG` for settings that cannot work.
   */
  code: string
  /** HTTP status of the token server's answer. */
  status?: number | undefined
  /** The server's `error_description`: bounded, printable, without secrets. */
  description?: string | undefined
  /** What to do next, in plain words, naming the field of the form. */
  hint: string
  /** Retrying soon cannot help: settings, credentials or a certificate have to change. */
  permanent: boolean
  /** Milliseconds until a retry makes sense. */
  retryAfterMs?: number | undefined
  /** Kind of network failure; absent if the token server answered. */
  family?: HttpErrorFamily | undefined
  /** Name of the CA that issued an untrusted certificate. */
  certificateIssuer?: string | undefined
}

/**
 * No token could be obtained. Built from safe facts: errors of got and openid-client contain the
 * request and the answer, and printing them shows secrets and tokens. There is never a `cause`.
 */
export class TokenError extends Error implements TokenErrorFacts {
  override readonly name = 'TokenError'
  readonly code: string
  readonly status: number | undefined
  readonly description: string | undefined
  readonly hint: string
  readonly permanent: boolean
  readonly retryAfterMs: number | undefined
  readonly family: HttpErrorFamily | undefined
  readonly certificateIssuer: string | undefined
  readonly #facts: TokenErrorFacts

  /** @param message one sentence that is safe to log */
  constructor(message: string, facts: TokenErrorFacts) {
    super(message)
    this.#facts = facts
    this.code = facts.code
    this.status = facts.status
    this.description = facts.description
    this.hint = facts.hint
    this.permanent = facts.permanent
    this.retryAfterMs = facts.retryAfterMs
    this.family = facts.family
    this.certificateIssuer = facts.certificateIssuer
  }

  /** The same failure, for a caller that asks later. */
  retriableIn(retryAfterMs: number): TokenError {
    return new TokenError(this.message, { ...this.#facts, retryAfterMs })
  }
}

/** Settings that cannot work, whatever the server. */
export function configError(problem: string): TokenError {
  return new TokenError(problem, { code: 'CONFIG', hint: problem, permanent: true })
}
