import * as openid from 'openid-client'
import type { ClientFetch } from '../http-client/client-fetch.ts'
import { cleanText } from './clean-text.ts'
import type { Clock } from './clock.ts'
import { bodyText } from './limited-fetch.ts'
import { allowPlainHttp } from './plain-http.ts'
import { redirectError } from './redirect.ts'
import { retryAfterMs } from '../http-client/retry-after.ts'
import { TokenError } from './token-error.ts'
import type { TokenSettings } from './token-settings.ts'
import { translateError } from './translate-error.ts'

const CACHED_MS = 24 * 3600 * 1000
const WELL_KNOWN = '/.well-known/'

/** What is known of the authorization server (RFC 8414 §2). */
export type ServerMetadata = Readonly<openid.ServerMetadata>

/**
 * The token server's metadata: of OpenID Connect Discovery, RFC 8414, or SMART (a full well-known
 * URL), kept for 24 hours; or just the token endpoint, when that is set. One caller at a time.
 */
export class Discovery {
  readonly #settings: Pick<TokenSettings, 'issuer' | 'tokenEndpoint' | 'clientId'>
  readonly #clock: Clock
  #known: { metadata: ServerMetadata; readAt: number } | undefined

  constructor(
    settings: Pick<TokenSettings, 'issuer' | 'tokenEndpoint' | 'clientId'>,
    clock: Clock
  ) {
    this.#settings = settings
    this.#clock = clock
  }

  /** @throws {TokenError} when the metadata cannot be read and none is known */
  async metadata(fetch: ClientFetch): Promise<ServerMetadata> {
    const { issuer, tokenEndpoint } = this.#settings
    if (tokenEndpoint !== '') {
      // openid-client wants some issuer.
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
   * Reads the metadata again, because the token endpoint is gone.
   *
   * @returns the metadata if it names another token endpoint now
   */
  async moved(fetch: ClientFetch): Promise<ServerMetadata | undefined> {
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
      // What the token endpoint said is the better error.
      return undefined
    }
  }

  async #read(fetch: ClientFetch): Promise<ServerMetadata> {
    const readAt = this.#clock.monotonic()
    const metadata = await this.#discover(fetch)
    this.#known = { metadata, readAt }
    return metadata
  }

  async #discover(fetch: ClientFetch): Promise<ServerMetadata> {
    const server = new URL(this.#settings.issuer)
    server.hash = ''
    if (server.href.includes(WELL_KNOWN)) return this.#request(server, 'oidc', fetch)
    try {
      return await this.#request(server, 'oidc', fetch)
    } catch (first) {
      if (!(first instanceof TokenError) || !MAY_BE_ELSEWHERE.has(first.code)) throw first
      try {
        return await this.#request(server, 'oauth2', fetch)
      } catch (second) {
        // An issuer that differs says more than a document that is missing.
        if (first.code === 'ERR_DISCOVERY' && second instanceof TokenError) throw second
        throw first
      }
    }
  }

  async #request(
    server: URL,
    algorithm: 'oidc' | 'oauth2',
    fetch: ClientFetch
  ): Promise<ServerMetadata> {
    let issuerFound = ''
    const readDocument: ClientFetch = async (url, options) => {
      const response = await fetch(url, options)
      const document = await readMetadata(response, url, this.#clock)
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
          hint: 'Fill in Token URL; with it, Issuer URL is not asked.',
          permanent: true
        })
      }
      return metadata
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED') {
        throw issuerMismatch(server, issuerFound)
      }
      throw translateError(error, { host: server.host, field: 'Issuer URL' })
    }
  }
}

/** The other well-known address is worth a try. */
const MAY_BE_ELSEWHERE = new Set(['ERR_DISCOVERY', 'ERR_ISSUER_MISMATCH'])

async function readMetadata(
  response: Response,
  url: string,
  clock: Clock
): Promise<Record<string, unknown>> {
  const redirect = redirectError(response, url, 'Issuer URL')
  if (redirect !== undefined) throw redirect
  const { host } = new URL(url)
  const { status } = response
  const { text } = await bodyText(response)
  if (status >= 500 || status === 429 || status === 408) {
    throw new TokenError(`${host}: the metadata cannot be read now (HTTP ${status}).`, {
      code: 'ERR_HTTP_STATUS',
      status,
      hint: 'The server has a problem of its own; it is tried again.',
      permanent: false,
      retryAfterMs: retryAfterMs(response.headers.get('retry-after'), clock.now())
    })
  }
  const document = status === 200 ? parseObject(text) : undefined
  if (document === undefined) {
    throw new TokenError(
      `${host}: there is no metadata of a token server (HTTP ${status}${status === 200 ? ', not JSON' : ''}).`,
      {
        code: 'ERR_DISCOVERY',
        status,
        hint: 'Check Issuer URL; or write the full well-known URL there, or fill in Token URL.',
        permanent: true
      }
    )
  }
  // SMART's document has no issuer, and openid-client wants one. Its place is as good a name.
  const place = url.indexOf(WELL_KNOWN)
  return 'issuer' in document || place < 0 || !url.includes('smart-configuration')
    ? document
    : { ...document, issuer: url.slice(0, place) }
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text.replace(/^\uFEFF/, ''))
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function issuerMismatch(server: URL, found: string): TokenError {
  const name = cleanText(found, [])
  return new TokenError(
    `${server.host}: the server calls itself by another issuer than the one that was asked.`,
    {
      code: 'ERR_ISSUER_MISMATCH',
      hint: `Use the full well-known URL in Issuer URL or fill in Token URL; or write its own name into Issuer URL: ${name}`,
      permanent: true
    }
  )
}
