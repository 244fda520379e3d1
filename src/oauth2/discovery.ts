import * as openid from 'openid-client'
import type { Clock } from '../clock.ts'
import type { HttpReply } from '../http-client/http-message.ts'
import { retryAfterMs } from '../http-client/retry-after.ts'
import { isJsonObject, parseJson } from '../json-text.ts'
import { printableProse } from '../printable.ts'
import { redirectError } from './answer-error.ts'
import { translateError } from './network-error.ts'
import { TokenError } from './token-error.ts'
import { allowPlainHttp, bodyText, type TokenFetch } from './token-fetch.ts'
import type { TokenSettings } from './token-settings.ts'
import { isTokenPath } from './token-url.ts'

const CACHED_MS = 24 * 3600 * 1000
const WELL_KNOWN = '/.well-known/'

type Metadata = Record<string, unknown>
/** The lists that are read (RFC 8414 §2). */
const LISTS = [
  'token_endpoint_auth_methods_supported',
  'token_endpoint_auth_signing_alg_values_supported'
]

/** What is known about the authorization server (RFC 8414 §2). */
export type ServerMetadata = Readonly<openid.ServerMetadata>

/**
 * The token server's metadata: from OpenID Connect Discovery, RFC 8414, or SMART (a full well-known
 * URL), cached for 24 hours; or just the token endpoint, if that is set. One caller at a time.
 */
export class Discovery {
  readonly #settings: TokenSettings
  readonly #clock: Clock
  #known: { metadata: ServerMetadata; readAt: number } | undefined

  constructor(settings: TokenSettings, clock: Clock) {
    this.#settings = settings
    this.#clock = clock
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
    if (known !== undefined && this.#clock.monotonic() - known.readAt < CACHED_MS) {
      return known.metadata
    }
    try {
      return await this.#read(fetch)
    } catch (error) {
      // Old metadata is better than no token.
      if (known !== undefined && error instanceof TokenError && !error.permanent) {
        return known.metadata
      }
      throw error
    }
  }

  /**
   * Reads the metadata again, because the token endpoint no longer exists.
   *
   * @returns the metadata if it now names another token endpoint
   */
  async moved(fetch: TokenFetch): Promise<ServerMetadata | undefined> {
    const before = this.#known?.metadata
    if (before === undefined) return undefined
    try {
      const metadata = await this.#read(fetch)
      const same =
        metadata.token_endpoint === before.token_endpoint &&
        metadata.mtls_endpoint_aliases?.token_endpoint ===
          before.mtls_endpoint_aliases?.token_endpoint
      return same ? undefined : metadata
    } catch {
      // The token endpoint's own error is more helpful.
      return undefined
    }
  }

  async #read(fetch: TokenFetch): Promise<ServerMetadata> {
    const readAt = this.#clock.monotonic()
    const metadata = await this.#discover(fetch)
    this.#known = { metadata, readAt }
    return metadata
  }

  async #discover(fetch: TokenFetch): Promise<ServerMetadata> {
    const server = new URL(this.#settings.issuer)
    server.hash = ''
    if (server.href.includes(WELL_KNOWN)) return this.#request(server, 'oidc', fetch)
    try {
      return await this.#request(server, 'oidc', fetch)
    } catch (first) {
      if (!(first instanceof TokenError) || !mayBeElsewhere(first)) throw first
      try {
        return await this.#request(server, 'oauth2', fetch)
      } catch (second) {
        // An issuer that differs, or an address that fails, says more than a missing document.
        if (!MISSING.has(first.code) || !(second instanceof TokenError)) throw first
        throw second.code === 'ERR_DISCOVERY' ? first : second
      }
    }
  }

  async #request(
    server: URL,
    algorithm: 'oidc' | 'oauth2',
    fetch: TokenFetch
  ): Promise<ServerMetadata> {
    let issuerFound = ''
    const readDocument: openid.CustomFetch = async (url, options) => {
      const reply = await fetch(url, options)
      const document = usable(readMetadata(reply, url, server, this.#clock), url, server)
      if (typeof document['issuer'] === 'string') issuerFound = document['issuer']
      return Response.json(document)
    }
    try {
      const configuration = await openid.discovery(
        server,
        this.#settings.clientId,
        undefined,
        openid.None(),
        {
          algorithm,
          execute: [allowPlainHttp],
          [openid.customFetch]: readDocument
        }
      )
      const metadata = configuration.serverMetadata()
      if (typeof metadata.token_endpoint !== 'string' || !URL.canParse(metadata.token_endpoint)) {
        throw new TokenError(`${server.host}: its metadata names no token endpoint.`, {
          code: 'ERR_DISCOVERY',
          hints: [{ key: 'noTokenEndpoint' }],
          permanent: true
        })
      }
      return metadata
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      // openid-client fails at what is not a URL.
      const isNoUrl = issuerFound !== '' && !URL.canParse(issuerFound)
      if (isNoUrl || code === 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED') {
        throw issuerMismatch(server, issuerFound)
      }
      throw translateError(error, { host: server.host, field: 'issuer' })
    }
  }
}

/** There is no document, or JSON without an issuer: some servers answer everything with 200. */
const MISSING = new Set(['ERR_DISCOVERY', 'OAUTH_INVALID_RESPONSE'])
const ELSEWHERE = new Set([...MISSING, 'ERR_ISSUER_MISMATCH', 'ERR_REDIRECT'])

/** The other well-known address is worth a try: some servers fail at one that they do not know. */
function mayBeElsewhere({ code, status = 0 }: TokenError): boolean {
  return ELSEWHERE.has(code) || (code === 'ERR_HTTP_STATUS' && status >= 500)
}

/** @param asked the Issuer URL */
function readMetadata(reply: HttpReply, url: string, asked: URL, clock: Clock): Metadata {
  const redirect = redirectError(reply, url, 'issuer')
  if (redirect !== undefined) throw redirect
  const { host } = new URL(url)
  const { status, headers } = reply
  const { text } = bodyText(reply.body)
  if (status >= 500 || status === 429 || status === 408) {
    throw new TokenError(`${host}: the metadata cannot be read now (HTTP ${status}).`, {
      code: 'ERR_HTTP_STATUS',
      status,
      hints: [{ key: 'serverProblem' }],
      permanent: false,
      retryAfterMs: retryAfterMs(headers, clock.now())
    })
  }
  const found = status === 200 || status === 203
  // Members that are `null` count as absent.
  const document = found ? parseJson(text, (_name, member) => member ?? undefined) : undefined
  if (!isJsonObject(document)) {
    throw new TokenError(
      `${host}: no metadata of a token server was found (HTTP ${status}${found ? ', not JSON' : ''}).`,
      {
        code: 'ERR_DISCOVERY',
        status,
        hints: [{ key: isTokenPath(asked.pathname) ? 'issuerIsTokenUrl' : 'noMetadata' }],
        permanent: true
      }
    )
  }
  return document
}

/**
 * The document without invalid lists and aliases, which count as not given.
 *
 * @param asked the Issuer URL: a full well-known URL is read as it is
 */
function usable(document: Metadata, url: string, asked: URL): Metadata {
  const result = { ...document }
  for (const name of LISTS) {
    const list = document[name]
    if (!Array.isArray(list) || !list.every((one) => typeof one === 'string')) {
      result[name] = undefined
    }
  }
  const { issuer, mtls_endpoint_aliases: aliases } = document
  const alias = isJsonObject(aliases) ? aliases['token_endpoint'] : undefined
  if (typeof alias !== 'string' || !URL.canParse(alias)) result['mtls_endpoint_aliases'] = undefined
  if (asked.href.includes(WELL_KNOWN) && (typeof issuer !== 'string' || issuer === '')) {
    // SMART's document has no issuer, but openid-client requires one. Its location serves as the
    // name.
    result['issuer'] = url.slice(0, url.indexOf(WELL_KNOWN))
  }
  return result
}

function issuerMismatch(server: URL, found: string): TokenError {
  // Whole, if it is not too long: discovery carries no secrets, and tenants have random names.
  const values = { found: printableProse(found) }
  return new TokenError(
    `${server.host}: the issuer in the server's metadata differs from Issuer URL.`,
    {
      code: 'ERR_ISSUER_MISMATCH',
      // What is not a URL cannot be entered.
      hints: [URL.canParse(found) ? { key: 'issuerMismatch', values } : { key: 'noMetadata' }],
      permanent: true
    }
  )
}
