import * as openid from 'openid-client'
import type { GotClient } from '../http-client/got-client.ts'
import type { HttpReply } from '../http-client/http-message.ts'
import { isSafeAddress } from '../http-client/loopback.ts'
import { configError } from './token-error.ts'

/** Limit for an answer, in addition to the client's own for the connection. */
const RESPONSE_TIMEOUT_MS = 15_000
/** RFC 1035 §2.3.4, in characters. Metadata may name any host, and errors repeat it. */
const MAX_HOST = 253

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
 * @param issuer the issuer's URL: an address that it names must be as safe; empty for a token URL
 *   that somebody entered
 * @param signal ends the request when the node closes
 */
export function tokenFetch(httpClient: GotClient, issuer: string, signal: AbortSignal): TokenFetch {
  const overTls = issuer.toLowerCase().startsWith('https:')
  return async (address, { method, headers, body }) => {
    const url = new URL(address)
    if (url.hostname.length > MAX_HOST) {
      throw configError(
        `The host name of the token server is longer than ${MAX_HOST} characters: no host has such a name.`
      )
    }
    if (!isSafeAddress(url)) {
      throw configError(
        `The address ${url.origin}, which the issuer names, must be https: (http: only to localhost).`
      )
    }
    if (overTls && url.protocol !== 'https:') {
      throw configError(
        `The address ${url.origin}, which the issuer names, must be https: like the issuer.`
      )
    }
    if (url.username !== '' || url.password !== '') {
      throw configError(
        `The address at ${url.host} that the issuer names contains a user name or password. Nothing was sent to it; fill in Token URL.`
      )
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

type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be'

/** The body of an answer as text: UTF-8, or the UTF-16 that some servers send. */
export function bodyText(body: Uint8Array): { text: string; encoding: Encoding } {
  const encoding = encodingOf(body)
  return { text: new TextDecoder(encoding).decode(body), encoding }
}

/** By the byte order mark, or the first character, which is ASCII in JSON (RFC 4627 §3). */
function encodingOf([first, second]: Uint8Array): Encoding {
  if ((first === 0xff && second === 0xfe) || (first !== 0 && second === 0)) return 'utf-16le'
  if ((first === 0xfe && second === 0xff) || (first === 0 && second !== 0)) return 'utf-16be'
  return 'utf-8'
}
