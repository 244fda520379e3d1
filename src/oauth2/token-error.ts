import { english } from '../english.ts'
import type { HttpErrorFamily } from '../http-client/http-error.ts'
import { inEnglish, type Hint } from './hint.ts'

/** The facts of a failure to get a token. All texts are safe to print. */
export interface TokenErrorFacts {
  /**
   * An OAuth code (`invalid_client`), a Node.js code (`ECONNREFUSED`), one of ours (`ERR_…`), or
   * `CONFIG` for settings that cannot work.
   */
  code: string
  /** HTTP status of the answer. */
  status?: number | undefined
  /** Who answered, or should have: the token server, or the receiver that refuses its tokens. */
  host?: string | undefined
  /** The server's own `error`: of a receiver, from its challenge. */
  error?: string | undefined
  /** The server's own words (`error_description`): bounded, printable, without secrets. */
  description?: string | undefined
  /** What to do next, naming the fields of the form; empty if the message says it. */
  hints: readonly Hint[]
  /** Retrying soon cannot help: settings, credentials or a certificate have to change. */
  permanent: boolean
  /** Milliseconds until a retry makes sense. */
  retryAfterMs?: number | undefined
  /** Kind of network failure; absent if the token server answered. */
  family?: HttpErrorFamily | undefined
  /** Name of the CA that issued an untrusted certificate. */
  certificateIssuer?: string | undefined
  /** The proxy in front of the token server failed or refused. */
  atProxy?: boolean | undefined
}

/**
 * No token could be obtained. Built from safe facts: errors of got and openid-client contain the
 * request and the answer, and printing them shows secrets and tokens. There is never a `cause`.
 */
export class TokenError extends Error implements TokenErrorFacts {
  override readonly name = 'TokenError'
  readonly code: string
  readonly status: number | undefined
  readonly host: string | undefined
  readonly error: string | undefined
  readonly description: string | undefined
  /** The hints in English. */
  readonly hint: string
  readonly hints: readonly Hint[]
  readonly permanent: boolean
  readonly retryAfterMs: number | undefined
  readonly family: HttpErrorFamily | undefined
  readonly certificateIssuer: string | undefined
  readonly atProxy: boolean
  readonly #facts: TokenErrorFacts

  /** @param message one sentence that is safe to log */
  constructor(message: string, facts: TokenErrorFacts) {
    super(message)
    this.#facts = facts
    this.code = facts.code
    this.status = facts.status
    this.host = facts.host
    this.error = facts.error
    this.description = facts.description
    this.hints = facts.hints
    this.hint = inEnglish(facts.hints)
    this.permanent = facts.permanent
    this.retryAfterMs = facts.retryAfterMs
    this.family = facts.family
    this.certificateIssuer = facts.certificateIssuer
    this.atProxy = facts.atProxy ?? false
  }

  /** The message, with the server's own words. */
  get text(): string {
    return quoting(this.message, this.description)
  }

  /** The same failure, for a caller that asks later. */
  retriableIn(retryAfterMs: number): TokenError {
    return new TokenError(this.message, { ...this.#facts, retryAfterMs })
  }
}

/**
 * A sentence, and what a server said about it.
 *
 * @param words undefined: nothing
 */
export function quoting(sentence: string, words: string | undefined): string {
  if (words === undefined) return sentence
  return `${sentence.replace(/\.$/, '')}: "${words.replace(/\.$/, '')}".`
}

/** Settings that cannot work, whatever the server. */
export function configError(problem: string): TokenError {
  return new TokenError(problem, { code: 'CONFIG', hints: [], permanent: true })
}

/** An update replaces the files of this package while Node-RED runs. Messages wait for the restart. */
export function notLoaded(): never {
  throw new TokenError(english('log', 'token.notLoaded'), {
    code: 'ERR_MODULE_NOT_FOUND',
    hints: [],
    permanent: true
  })
}

/** Whether what a token server answers with this status may pass on its own. */
export function mayPass(status: number): boolean {
  return status >= 500 || status === 429 || status === 408
}
