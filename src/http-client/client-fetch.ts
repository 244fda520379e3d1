import type { HttpClient } from './http-client.ts'
import { HttpError } from './http-error.ts'

/** The part of `fetch` that openid-client uses. */
export type ClientFetch = (
  url: string,
  options: {
    method: string
    headers: Record<string, string>
    body?: unknown
    signal?: AbortSignal | undefined
  }
) => Promise<Response>

/** Headers that describe the transfer, which is over: the body of the `Response` is decoded. */
const TRANSFER_HEADERS = new Set(['content-encoding', 'content-length', 'transfer-encoding'])
/** Statuses that a `Response` must not have a body with (fetch standard). */
const NULL_BODY_STATUSES = new Set([204, 205, 304])

/**
 * An `HttpClient` as `fetch`, so that tokens are fetched with the TLS settings, proxy, time-outs and
 * limits that are configured here.
 *
 * @param responseTimeoutMs limit for the answer in milliseconds
 */
export function clientFetch(client: HttpClient, responseTimeoutMs: number): ClientFetch {
  return async (url, { method, headers, body, signal }) => {
    const reply = await client.request({
      method: method === 'GET' ? 'GET' : 'POST',
      url: new URL(url),
      headers,
      body: body === undefined || body === null ? undefined : bodyText(body),
      responseTimeoutMs,
      signal
    })
    if (reply.status < 200 || reply.status > 599) {
      // No status that HTTP knows, and none that a `Response` can have.
      throw new HttpError(`the answer has HTTP status ${reply.status}`, {
        code: 'ERR_HTTP_STATUS',
        connected: true,
        reusedConnection: false,
        status: reply.status
      })
    }
    const kept = Object.entries(reply.headers).flatMap(([name, value]): [string, string][] =>
      value === undefined || TRANSFER_HEADERS.has(name)
        ? []
        : [[name, Array.isArray(value) ? value.join(', ') : value]]
    )
    const hasBody = !NULL_BODY_STATUSES.has(reply.status)
    return new Response(hasBody ? new Uint8Array(reply.body) : null, {
      status: reply.status,
      headers: kept
    })
  }
}

function bodyText(body: unknown): string {
  if (typeof body === 'string') return body
  if (body instanceof URLSearchParams) return body.toString()
  throw new TypeError('A token request has a form as its body.')
}
