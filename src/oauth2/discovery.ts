import { isDeepStrictEqual } from 'node:util'
import type * as openid from 'openid-client'
import type { Clock } from '../clock.ts'
import { english } from '../english.ts'
import type { HttpReply } from '../http-client/http-message.ts'
import { retryAfterMs } from '../http-client/retry-after.ts'
import { urlProblem } from '../http-client/url-problem.ts'
import { isJsonObject, parseJson } from '../json-text.ts'
import { printableProse } from '../printable.ts'
import { Redactor } from '../redactor.ts'
import { errorInFront } from './answer-error.ts'
import { hintForMetadata } from './answer-hints.ts'
import type { Hint } from './hint.ts'
import { translateError } from './network-error.ts'
import { readRefusal } from './token-answer.ts'
import { mayPass, notLoaded, TokenError } from './token-error.ts'
import { decodeText, type TokenFetch } from './token-fetch.ts'
import type { TokenSettings } from './token-settings.ts'
import { isTokenPath } from './token-url.ts'

/** Milliseconds. */
const CACHED_FOR = 24 * 3600 * 1000
/** Metadata that were asked for less than so many milliseconds ago are not read again, so that a dead server is not asked twice each time. */
const READ_AGAIN_AFTER = 60_000
const WELL_KNOWN = '/.well-known/'

/** What is known about the token server (RFC 8414 §2: authorization server). */
export type ServerMetadata = Readonly<openid.ServerMetadata>

/**
 * The token server's metadata: from OpenID Connect Discovery, RFC 8414, or SMART (a full well-known
 * URL), cached for 24 hours; or just the token endpoint, if that is set. One caller at a time.
 */
export class Discovery {
  readonly #settings: TokenSettings
  readonly #clock: Clock
  /** Knows the key in the query of the address, if there is one. */
  readonly #redactor: Redactor
  #known: { metadata: ServerMetadata; readAt: number } | undefined
  /** When they were last asked for, on the monotonic clock. */
  #askedAt = -Infinity

  constructor(settings: TokenSettings, clock: Clock) {
    this.#settings = settings
    this.#clock = clock
    const { issuer, secrets } = settings
    // Not Issuer URL itself, though it may come from a variable: somebody compares it with the issuer that is found.
    this.#redactor = new Redactor([...secrets].filter((secret) => secret !== issuer))
  }

  /** @throws {TokenError} if the metadata cannot be read and none is known */
  async metadata(fetch: TokenFetch): Promise<ServerMetadata> {
    const { issuer, tokenEndpoint } = this.#settings
    if (tokenEndpoint !== '') {
      // openid-client requires an issuer.
      return {
        issuer: issuer === '' ? new URL(tokenEndpoint).origin : issuer,
        token_endpoint: tokenEndpoint
      }
    }
    const known = this.#known
    const now = this.#clock.monotonic()
    if (known !== undefined && now - known.readAt < CACHED_FOR) return known.metadata
    try {
      return await this.#read(fetch)
    } catch (error) {
      // Old metadata is better than no token, but for new ones that are wrong.
      if (known !== undefined && isUnread(error)) return known.metadata
      throw error
    }
  }

  /**
   * Reads the metadata again, because no token server answers where they say: it may have moved.
   *
   * @returns undefined if that tells nothing new, or if they were asked for a moment ago
   */
  async changed(fetch: TokenFetch): Promise<ServerMetadata | undefined> {
    const before = this.#known
    if (before === undefined) return undefined
    if (this.#clock.monotonic() - this.#askedAt < READ_AGAIN_AFTER) return undefined
    try {
      const metadata = await this.#read(fetch)
      return isDeepStrictEqual(metadata, before.metadata) ? undefined : metadata
    } catch {
      // The error of the token endpoint says what is wrong.
      return undefined
    }
  }

  async #read(fetch: TokenFetch): Promise<ServerMetadata> {
    const readAt = this.#clock.monotonic()
    this.#askedAt = readAt
    const metadata = await this.#discover(fetch)
    this.#known = { metadata, readAt }
    return metadata
  }

  async #discover(fetch: TokenFetch): Promise<ServerMetadata> {
    const server = new URL(this.#settings.issuer)
    server.hash = ''
    try {
      return await this.#request(server, 'oidc', fetch)
    } catch (error) {
      if (server.href.includes(WELL_KNOWN) || !isNotFound(error)) throw error
      return this.#request(server, 'oauth2', fetch)
    }
  }

  async #request(
    server: URL,
    algorithm: 'oidc' | 'oauth2',
    fetch: TokenFetch
  ): Promise<ServerMetadata> {
    const client = await import('openid-client').catch(notLoaded)
    let issuerFound = ''
    // The signal that openid-client passes is not used, because its timer cannot be stopped.
    const readDocument: openid.CustomFetch = async (url, { method, headers }) => {
      const reply = await fetch(url, { method, headers })
      const document = readMetadata(reply, url, this.#settings, this.#redactor, this.#clock)
      // SMART's document has no issuer, but openid-client requires one: its location.
      if (url === server.href) document['issuer'] ??= url.slice(0, url.indexOf(WELL_KNOWN))
      if (typeof document['issuer'] === 'string') issuerFound = document['issuer']
      return Response.json(document)
    }
    try {
      const configuration = await client.discovery(
        server,
        this.#settings.clientId,
        undefined,
        client.None(),
        {
          algorithm,
          execute: [switchForPlainHttp(client)],
          [client.customFetch]: readDocument
        }
      )
      const metadata = configuration.serverMetadata()
      if (!URL.canParse(String(metadata.token_endpoint))) {
        throw new TokenError(english('log', 'token.noEndpoint', { host: server.host }), {
          code: 'ERR_DISCOVERY',
          host: server.host,
          hints: [{ key: 'noTokenEndpoint' }],
          permanent: true
        })
      }
      return metadata
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      // openid-client fails at what is not a URL.
      const isNoUrl = issuerFound !== '' && !URL.canParse(issuerFound)
      if (code === MISMATCH || isNoUrl) throw issuerMismatch(server, issuerFound, this.#redactor)
      throw translateError(error, {
        host: server.host,
        field: 'issuer',
        isPlain: server.protocol === 'http:'
      })
    }
  }
}

/** openid-client's code for an issuer that differs from Issuer URL. */
const MISMATCH = 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED'

/**
 * openid-client's switch that allows `http:` at all. Which addresses are safe is decided here, by
 * an exact rule (loopback). The type is written out because the original is marked as deprecated to
 * make it stand out.
 */
function switchForPlainHttp(client: typeof openid): (configuration: openid.Configuration) => void {
  const { allowInsecureRequests } = client as unknown as {
    allowInsecureRequests: (configuration: openid.Configuration) => void
  }
  return allowInsecureRequests
}

/** Whether there are no other metadata: the server was not reached, or answered with something else. */
function isUnread(error: unknown): boolean {
  if (!(error instanceof TokenError)) return false
  const { family, permanent, status } = error
  return !permanent || family !== undefined || status !== undefined
}

/** Usually 404; Spring Authorization Server without OpenID answers 403. */
function isNotFound(error: unknown): boolean {
  if (!(error instanceof TokenError) || error.code !== 'ERR_DISCOVERY') return false
  const { status = 0 } = error
  return status >= 400 && status < 500
}

function readMetadata(
  reply: HttpReply,
  url: string,
  settings: TokenSettings,
  redactor: Redactor,
  clock: Clock
): Record<string, unknown> {
  const text = decodeText(reply.body)
  const inFront = errorInFront({ reply, text, url, field: 'issuer' }, redactor)
  if (inFront !== undefined) throw inFront
  const { host } = new URL(url)
  const { status, headers } = reply
  if (mayPass(status)) {
    throw new TokenError(english('log', 'token.noMetadataNow', { host, status }), {
      code: 'ERR_HTTP_STATUS',
      status,
      host,
      hints: [{ key: 'serverProblem' }],
      permanent: false,
      retryAfterMs: retryAfterMs(headers, clock.now())
    })
  }
  const document = status === 200 ? parseJson(text) : undefined
  if (!isJsonObject(document)) throw noMetadata(host, status, text, settings, redactor)
  return usedMembers(document)
}

/** There is another document, or none. The server may say why. */
function noMetadata(
  host: string,
  status: number,
  text: string,
  settings: TokenSettings,
  redactor: Redactor
): TokenError {
  const { description = '' } = status === 200 ? {} : readRefusal(text)
  const words = printableProse(redactor.hide(description))
  const isTokenUrl = isTokenPath(new URL(settings.issuer).pathname)
  const ofAddress: Hint = { key: isTokenUrl ? 'issuerIsTokenUrl' : 'noMetadata' }
  const key = status === 200 ? 'token.metadataNotJson' : 'token.noMetadata'
  return new TokenError(english('log', key, { host, status }), {
    code: 'ERR_DISCOVERY',
    status,
    host,
    description: words === '' ? undefined : words,
    hints: [hintForMetadata(words, settings) ?? ofAddress],
    permanent: true
  })
}

/**
 * The members that are used (RFC 8414 §2, RFC 8705 §5), of the right kind: servers send `null` for
 * what they lack. All others would only be copied, several times.
 */
function usedMembers(document: Record<string, unknown>): Record<string, unknown> {
  const {
    issuer,
    token_endpoint,
    token_endpoint_auth_methods_supported: methods,
    token_endpoint_auth_signing_alg_values_supported: algorithms,
    mtls_endpoint_aliases: aliases
  } = document
  return {
    issuer,
    token_endpoint,
    token_endpoint_auth_methods_supported: listOfStrings(methods),
    token_endpoint_auth_signing_alg_values_supported: listOfStrings(algorithms),
    mtls_endpoint_aliases: isJsonObject(aliases)
      ? { token_endpoint: aliases['token_endpoint'] ?? undefined }
      : undefined
  }
}

/** @returns `undefined` for what is not a list */
function listOfStrings(list: unknown): string[] | undefined {
  return Array.isArray(list) ? list.filter((item) => typeof item === 'string') : undefined
}

function issuerMismatch(server: URL, found: string, redactor: Redactor): TokenError {
  const { host } = server
  // Whole, if it is not too long: tenants have random names.
  const values = { found: printableProse(redactor.hide(found)) }
  return new TokenError(english('log', 'token.issuerMismatch', { host }), {
    code: 'ERR_ISSUER_MISMATCH',
    host,
    // What is not a URL cannot be entered.
    hints: [
      URL.canParse(found) ? { key: mismatchHint(server, found), values } : { key: 'noMetadata' }
    ],
    permanent: true
  })
}

/** Behind a proxy, a server that is not told its public address names one that cannot be used (Keycloak). */
function mismatchHint(asked: URL, found: string): Hint['key'] {
  const isDowngrade = asked.protocol === 'https:' && new URL(found).protocol !== 'https:'
  return isDowngrade || urlProblem(found) !== undefined ? 'issuerInternal' : 'issuerMismatch'
}
