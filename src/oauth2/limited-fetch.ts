import { clientFetch, type ClientFetch } from '../http-client/client-fetch.ts'
import type { HttpClient } from '../http-client/http-client.ts'
import { isSafeAddress } from '../http-client/loopback.ts'
import { HttpError } from '../http-client/http-error.ts'
import { configError } from './token-error.ts'

/** Limit for one request, from the lookup of the name to the last byte of the answer. */
const WHOLE_REQUEST_MS = 15_000
const MAX_ANSWER_BYTES = 1024 * 1024
/** RFC 1035 §2.3.4, in characters. Metadata may name any, and errors name the host. */
const MAX_HOST = 253

/**
 * The fetch of discovery and token requests: at most 15 s, to safe addresses only. The signal that
 * openid-client hands over is not used, because its timer cannot be ended.
 *
 * @param signal ends the request when the node closes
 */
export function limitedFetch(httpClient: HttpClient, signal: AbortSignal): ClientFetch {
  const fetch = clientFetch(httpClient, WHOLE_REQUEST_MS)
  return async (url, options) => {
    const address = new URL(url)
    if (address.hostname.length > MAX_HOST) {
      throw configError(
        `The host name of the token server is longer than ${MAX_HOST} characters: no host has such a name.`
      )
    }
    if (!isSafeAddress(address)) {
      throw configError(
        `The address ${address.origin}, which the issuer names, must be https: (http: only to localhost).`
      )
    }
    const timeUp = new AbortController()
    const timer = setTimeout(() => {
      timeUp.abort()
    }, WHOLE_REQUEST_MS)
    const limited = { ...options, signal: AbortSignal.any([signal, timeUp.signal]) }
    try {
      return await fetch(url, limited).catch((error: unknown) => {
        // Should the server have read it after all, a second token does no harm; but an assertion is
        // good for one request (RFC 7523 §3, `jti`).
        const stale = error instanceof HttpError && error.isStale
        if (!stale || String(options.body).includes('assertion=')) throw error
        return fetch(url, limited)
      })
    } catch (error) {
      if (!timeUp.signal.aborted || !(error instanceof HttpError)) throw error
      const { connected, reusedConnection } = error
      throw new HttpError(`no complete answer within ${WHOLE_REQUEST_MS / 1000} s`, {
        code: 'ETIMEDOUT',
        family: connected ? 'timeout' : 'connect',
        connected,
        reusedConnection
      })
    } finally {
      clearTimeout(timer)
    }
  }
}

/** The body of an answer. */
export interface AnswerText {
  text: string
  encoding: 'utf-8' | 'utf-16le' | 'utf-16be'
}

/**
 * The body of an answer as text: UTF-8, or the UTF-16 that some servers send.
 *
 * @throws {HttpError} `ERR_RESPONSE_TOO_LARGE` above 1 MiB
 */
export async function bodyText(response: Response): Promise<AnswerText> {
  const body = new Uint8Array(await response.arrayBuffer())
  if (body.byteLength > MAX_ANSWER_BYTES) {
    throw new HttpError('the answer is larger than 1 MiB', {
      code: 'ERR_RESPONSE_TOO_LARGE',
      connected: true,
      reusedConnection: false,
      status: response.status
    })
  }
  const encoding = encodingOf(body)
  return { text: new TextDecoder(encoding).decode(body), encoding }
}

/** By the byte order mark, or the first character, which is ASCII in JSON (RFC 4627 §3). */
function encodingOf([first, second]: Uint8Array): AnswerText['encoding'] {
  if ((first === 0xff && second === 0xfe) || (first !== 0 && second === 0)) return 'utf-16le'
  if ((first === 0xfe && second === 0xff) || (first === 0 && second !== 0)) return 'utf-16be'
  return 'utf-8'
}
