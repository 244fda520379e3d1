import { english } from '../english.ts'
import type { GotClient } from '../http-client/got-client.ts'
import type { HttpReply } from '../http-client/http-message.ts'
import { urlProblem } from '../http-client/url-problem.ts'
import { configError } from './token-error.ts'

/** Limit for an answer, in addition to the client's own for the connection. */
const RESPONSE_TIMEOUT_MS = 15_000

/** Makes a request to the token server. */
export type TokenFetch = (
  url: string,
  request: { method: string; headers: Record<string, string>; form?: URLSearchParams }
) => Promise<HttpReply>

/**
 * The fetch of discovery and token requests, with the client's TLS settings, proxy and limits, and
 * to safe addresses only.
 *
 * @param issuer the Issuer URL: what it names must be as safe; empty if a Token URL was entered
 * @param signal ends the request when the node closes
 */
export function tokenFetch(httpClient: GotClient, issuer: string, signal: AbortSignal): TokenFetch {
  const isIssuerSafe = URL.parse(issuer)?.protocol === 'https:'
  return async (address, { method, headers, form }) => {
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
      body: form && Buffer.from(form.toString()),
      responseTimeoutMs: RESPONSE_TIMEOUT_MS,
      signal
    })
  }
}

/** The body of an answer as text. */
export function decodeText(body: Uint8Array): string {
  return new TextDecoder().decode(body)
}
