import type { KeyObject } from 'node:crypto'
import type { Clock } from '../clock.ts'
import type { GotClient } from '../http-client/got-client.ts'
import type { HttpReply } from '../http-client/http-message.ts'
import { Redactor } from '../redactor.ts'
import { answerError, errorInFront, noMethodError, type AnswerFacts } from './answer-error.ts'
import { withoutFiles } from './check-settings.ts'
import { clientAuthMethod, secretMethodNamed, type SecretMethod } from './client-auth-method.ts'
import type { Signing } from './client-authentication.ts'
import { currentSettings } from './current-settings.ts'
import { Discovery, type ServerMetadata } from './discovery.ts'
import type { DpopProofs } from './dpop-proofs.ts'
import { addressField } from './hint.ts'
import { translateError, type RequestPlace } from './network-error.ts'
import { certificateThumbprint } from './signing-certificate.ts'
import { readPrivateKey } from './signing-key.ts'
import { readTokenAnswer, type TokenGranted } from './token-answer.ts'
import { TokenError } from './token-error.ts'
import { decodeText, tokenFetch, type TokenFetch } from './token-fetch.ts'
import { secretsIn, tokenEndpointOf, tokenRequest } from './token-request.ts'
import { lifetimeInToken } from './token-lifetime.ts'
import type {
  ClientAuthMethod,
  StoredTokenSettings,
  TokenSettings,
  TokenType
} from './token-settings.ts'
import { instant, type Instant } from './token-times.ts'

/** A token as received, and how it was obtained. */
export interface ObtainedToken {
  accessToken: string
  /** Seconds, as the server says in its answer or in the token; `undefined` if it says nothing usable. */
  expiresIn: number | undefined
  /** What the server granted, else what was asked for (RFC 6749 §5.1). */
  scope: string
  /** When the request was sent: the token's lifetime counts from here. */
  sentAt: Instant
  tokenEndpoint: string
  clientAuth: ClientAuthMethod
}

/** What the token endpoint answered to one request. */
interface Answer {
  reply: HttpReply
  sentAt: Instant
  found: TokenGranted | TokenError
}

/**
 * Requests tokens from the token server. It keeps the server's metadata, but no tokens.
 */
export class TokenClient {
  readonly #stored: StoredTokenSettings
  /** With the secrets that the last request was made with. */
  #settings: TokenSettings
  readonly #httpClient: GotClient
  readonly #clock: Clock
  readonly #discovery: Discovery
  #signing:
    | { key: KeyObject; pem: string; passphrase: string; thumbprint: string | undefined }
    | undefined
  readonly #proofs: DpopProofs | undefined
  readonly #onQuirk: (host: string, quirk: string) => void
  /** How the server takes the secret, as it has said. */
  #named: SecretMethod | undefined

  /**
   * @param settings in which `checkSettings` finds no problem
   * @param onQuirk receives each tolerated deviation, in one sentence, also if the answer is a
   * refusal
   * @param proofs are sent if `dpop` is on
   */
  constructor(
    settings: StoredTokenSettings,
    httpClient: GotClient,
    clock: Clock,
    onQuirk: (host: string, quirk: string) => void = () => undefined,
    proofs?: DpopProofs
  ) {
    this.#onQuirk = onQuirk
    this.#stored = settings
    this.#settings = withoutFiles(settings)
    this.#httpClient = httpClient
    this.#clock = clock
    this.#proofs = proofs
    this.#discovery = new Discovery(this.#settings, clock)
  }

  /**
   * Gets one token, with one request (another for a nonce of DPoP, if the token endpoint has moved, or if the server names
   * another method), after discovery if that is due.
   *
   * @param signal ends the requests
   * @param earlier the last token, which the server may name when it refuses another; `''` if there is none
   * @throws {TokenError} and nothing else
   */
  async obtain(signal: AbortSignal, earlier = ''): Promise<ObtainedToken> {
    try {
      this.#settings = await currentSettings(this.#stored)
      const fetch = this.#fetch(signal)
      const metadata = await this.#discovery.metadata(fetch)
      try {
        return await this.#requestAsNamed(metadata, fetch, earlier)
      } catch (error) {
        const changed = isElsewhere(error) ? await this.#discovery.changed(fetch) : undefined
        if (changed === undefined) throw error
        return await this.#requestAsNamed(changed, fetch, earlier)
      }
    } catch (error) {
      throw translateError(error, this.#place())
    }
  }

  /**
   * What is known of the token server; its metadata are read if that is due.
   *
   * @throws {TokenError}
   */
  metadata(signal: AbortSignal): Promise<ServerMetadata> {
    return this.#discovery.metadata(this.#fetch(signal))
  }

  /** It is read once: to decrypt a key takes time. */
  #signingKey(): { key?: KeyObject; thumbprint?: string | undefined } {
    const { privateKey: pem, privateKeyPassphrase: passphrase } = this.#settings
    if (this.#signing?.pem === pem && this.#signing.passphrase === passphrase) return this.#signing
    const key = readPrivateKey(pem, passphrase)
    // A key that nothing is signed with may be unusable.
    if (typeof key === 'string') return {}
    const thumbprint = certificateThumbprint(pem, key)?.thumbprint
    this.#signing = { key, pem, passphrase, thumbprint }
    return this.#signing
  }

  /** What an answer may not show. */
  #secrets(): string[] {
    const { clientSecret, password, privateKeyPassphrase, secrets } = this.#settings
    return [clientSecret, password, privateKeyPassphrase, ...secrets]
  }

  #fetch(signal: AbortSignal): TokenFetch {
    const { issuer, tokenEndpoint } = this.#settings
    return tokenFetch(this.#httpClient, tokenEndpoint === '' ? issuer : '', signal)
  }

  /** Once more, if the refusal says how the secret is to be sent. */
  async #requestAsNamed(
    metadata: ServerMetadata,
    fetch: TokenFetch,
    earlier: string
  ): Promise<ObtainedToken> {
    try {
      return await this.#request(metadata, fetch, earlier)
    } catch (error) {
      const named = error instanceof TokenError ? secretMethodNamed(error.description) : undefined
      if (named === undefined || named === this.#methodFor(metadata)) throw error
      this.#named = named
      if (named !== this.#methodFor(metadata)) throw error
      return this.#request(metadata, fetch, earlier)
    }
  }

  #methodFor({
    token_endpoint_auth_methods_supported: supported
  }: ServerMetadata): ClientAuthMethod | undefined {
    return clientAuthMethod(this.#settings, supported, this.#named)
  }

  async #request(
    metadata: ServerMetadata,
    fetch: TokenFetch,
    earlier: string
  ): Promise<ObtainedToken> {
    const settings = this.#settings
    const supported = metadata.token_endpoint_auth_methods_supported
    const url = tokenEndpointOf(metadata, settings, this.#place())
    const clientAuth = this.#methodFor(metadata)
    if (clientAuth === undefined) throw noMethodError(url.host, supported)
    const facts = { clientAuth, supported, redactor: new Redactor([...this.#secrets(), earlier]) }
    const { key, thumbprint } = this.#signingKey()
    const signing: Signing = {
      settings,
      metadata,
      key,
      thumbprint,
      now: () => this.#clock.now()
    }
    const added = Object.fromEntries(settings.headers.map(({ name, value }) => [name, value]))
    const send = async (proof: string | undefined): Promise<Answer> => {
      const request = await tokenRequest(clientAuth, signing)
      for (const secret of [...secretsIn(request), proof ?? '']) facts.redactor.add(secret)
      const sentAt = instant(this.#clock)
      // Of a name in two cases, got sends the last.
      const headers = { ...request.headers, ...(proof !== undefined && { dpop: proof }), ...added }
      const reply = await fetch(url.href, { method: 'POST', headers, form: request.form })
      return { reply, sentAt, found: this.#read(reply, url.href, facts) }
    }

    try {
      const { found, sentAt } = await this.#withProof(url, send)
      if (found instanceof TokenError) throw found
      const { accessToken, scope = settings.scope } = found
      const expiresIn = found.expiresIn ?? lifetimeInToken(accessToken, this.#clock.now())
      return { accessToken, expiresIn, scope, sentAt, tokenEndpoint: url.href, clientAuth }
    } catch (error) {
      throw translateError(error, this.#place(url.href))
    }
  }

  /** Adds a proof if DPoP is on. */
  #withProof(url: URL, send: (proof: string | undefined) => Promise<Answer>): Promise<Answer> {
    if (this.#proofs === undefined) return send(undefined)
    return this.#proofs.sendProven(
      { method: 'POST', url },
      undefined,
      send,
      ({ reply, found }) => ({
        headers: reply.headers,
        isRefused: found instanceof TokenError && found.code === 'use_dpop_nonce'
      })
    )
  }

  /** The token in an answer, or why there is none. */
  #read(
    reply: HttpReply,
    url: string,
    facts: Pick<AnswerFacts, 'clientAuth' | 'supported' | 'redactor'>
  ): TokenGranted | TokenError {
    const settings = this.#settings
    const text = decodeText(reply.body)
    const inFront = errorInFront({ reply, text, url, field: 'tokenEndpoint' }, facts.redactor)
    if (inFront !== undefined) return inFront
    const answer = readTokenAnswer(reply.status, text, tokenType(settings))
    for (const quirk of answer.quirks) this.#onQuirk(new URL(url).host, quirk)
    if (answer.kind === 'granted') return answer
    return answerError(answer, reply, url, { ...facts, settings, text, now: this.#clock.now() })
  }

  #place(url?: string): RequestPlace {
    const { issuer, tokenEndpoint } = this.#settings
    const entered = tokenEndpoint === '' ? issuer : tokenEndpoint
    // No request goes to another scheme: its host may be missing, or anything.
    const address = url !== undefined && /^https?:/i.test(url) ? url : entered
    return {
      host: URL.canParse(address) ? new URL(address).host : 'token server',
      field: addressField(this.#settings),
      isPlain: /^http:/i.test(address)
    }
  }
}

/** There is no such address, or nothing behind it. */
const NOT_THERE = new Set([404, 405, 410, 501, 502, 503, 504])

/** Whether no token server answered at this address: it may be elsewhere. */
function isElsewhere(error: unknown): boolean {
  if (!(error instanceof TokenError)) return false
  const { code, family, permanent, status = 0 } = error
  // Of answers without a token, those may pass that come from something else, such as a login page.
  const isOfAnother = code === 'ERR_REDIRECT' || (code === 'ERR_TOKEN_ANSWER' && !permanent)
  return family !== undefined || isOfAnother || NOT_THERE.has(status)
}

/** The only one that is accepted. */
export function tokenType({ dpop }: Pick<TokenSettings, 'dpop'>): TokenType {
  return dpop ? 'DPoP' : 'Bearer'
}
