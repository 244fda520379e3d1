import { clientFetch, type ClientFetch } from '../http-client/client-fetch.ts'
import type { HttpClient } from '../http-client/http-client.ts'
import { HttpError } from '../http-client/http-error.ts'
import { configError } from './token-error.ts'
import { isSafeAddress } from './token-url.ts'

/** Limit for one request, from the lookup of the name to the last byte of the answer. */
const WHOLE_REQUEST_MS = 15_000
const MAX_ANSWER_BYTES = 1024 * 1024

/**
 * The fetch of discovery and token requests: at most 15 s, to safe addresses only. The signal that
 * openid-client hands over is not used, because its timer cannot be ended.
 *
 * @param signal ends the request when the node closes
 */
export function limitedFetch(httpClient: HttpClient, signal: AbortSignal): ClientFetch {
  const fetch = clientFetch(httpClient, WHOLE_REQUEST_MS)
  return async (url, options) => {
    if (!isSafeAddress(new URL(url))) {
      throw configError(
        `The address ${new URL(url).origin}, which the issuer names, must be https: (http: only to localhost).`
      )
    }
    const timeUp = new AbortController()
    const timer = setTimeout(() => {
      timeUp.abort()
    }, WHOLE_REQUEST_MS)
    try {
      return await fetch(url, { ...options, signal: AbortSignal.any([signal, timeUp.signal]) })
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

/**
 * The body of an answer as text.
 *
 * @throws {HttpError} `ERR_RESPONSE_TOO_LARGE` above 1 MiB
 */
export async function bodyText(response: Response): Promise<string> {
  const body = await response.arrayBuffer()
  if (body.byteLength > MAX_ANSWER_BYTES) {
    throw new HttpError('the answer is larger than 1 MiB', {
      code: 'ERR_RESPONSE_TOO_LARGE',
      connected: true,
      reusedConnection: false,
      status: response.status
    })
  }
  return new TextDecoder().decode(body)
}
