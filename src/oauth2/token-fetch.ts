import * as openid from 'openid-client'
import { english } from '../english.ts'
import type { GotClient } from '../http-client/got-client.ts'
import type { HttpReply } from '../http-client/http-message.ts'
import { urlProblem } from '../http-client/url-problem.ts'
import { configError } from './token-error.ts'

/** Limit for an answer, in addition to the client's own for the connection. */
const RESPONSE_TIMEOUT_MS = 15_000

/** Makes a request for openid-client. */
export type TokenFetch = (
  url: string,
  request: Pick<openid.CustomFetchOptions, 'method' | 'headers' | 'body'>
) => Promise<HttpReply>

/**
 * The fetch of discovery and token requests, with the client's TLS settings, proxy and limits, and
 * to safe addresses only. The signal that openid-client passes is not used, because its timer
 * cannot be stopped.
 *
 * @param issuer the Issuer URL: what it names must be as safe; empty if a Token URL was entered
 * @param signal ends the request when the node closes
 */
export function tokenFetch(httpClient: GotClient, issuer: string, signal: AbortSignal): TokenFetch {
  const isIssuerSafe = URL.parse(issuer)?.protocol === 'https:'
  return async (address, { method, headers, body }) => {
    const url = new URL(address)
    // An address in the settings was checked before: this one comes from the metadata.
    const isDowngrade = isIssuerSafe && url.protocol !== 'https:'
    const problem = urlProblem(address) ?? (isDowngrade ? 'urlScheme' : undefined)
    if (problem !== undefined) {
      const reason = english('tokenForm', `problem.${problem}`)
      throw configError(english('log', 'problem.namedAddress', { address: url.origin, reason }))
    }
    return httpClient.request({
      method: method === 'GET' ? 'GET' : 'POST',
      url,
      headers,
      body: body instanceof URLSearchParams ? Buffer.from(body.toString()) : undefined,
      responseTimeoutMs: RESPONSE_TIMEOUT_MS,
      signal
    })
  }
}

/**
 * openid-client's switch that allows `http:` at all. Which addresses are safe is decided here, by
 * an exact rule (loopback). The type is written out because the original is marked as deprecated to
 * make it stand out.
 */
export const { allowInsecureRequests: allowPlainHttp } = openid as unknown as {
  allowInsecureRequests: (configuration: openid.Configuration) => void
}

/** The body of an answer as text. */
export function decodeText(body: Uint8Array): string {
  return new TextDecoder().decode(body)
}
