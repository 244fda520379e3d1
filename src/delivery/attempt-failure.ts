import { HttpError } from '../http-client/http-error.ts'
import { TokenError } from '../oauth2/token-error.ts'
import type { AttemptError } from '../rules/attempt.ts'
import type { AttemptResult } from './attempt-result.ts'

/** Statuses on which Retry-After counts. */
const RETRY_AFTER_STATUSES = new Set([408, 425, 429, 503])
/** Statuses of a proxy or gateway that cannot reach the receiver. */
export const GATEWAY_STATUSES = new Set([502, 503, 504])

/** The facts of an attempt without an answer, from what the https and oauth2 rooms throw. */
export function failureOf(thrown: unknown): Pick<
  AttemptResult,
  'reachable' | 'status' | 'hint' | 'isPermanent' | 'quotes' | 'retryAfterMs'
> & {
  error: AttemptError
} {
  if (thrown instanceof TokenError) {
    const { code, message, status, error, description } = thrown
    return {
      error: { code, family: 'token', text: message },
      // A token server that refuses us is reachable; one that cannot be reached, or whose
      // certificate is not trusted, is an outage, as with the receiver.
      reachable: thrown.permanent && thrown.family === undefined,
      ...(thrown.permanent ? { isPermanent: true } : undefined),
      ...(status === undefined ? undefined : { status }),
      ...hintOf(thrown),
      quotes: {
        ...(error !== undefined && { error }),
        ...(description !== undefined && { description })
      },
      ...(thrown.retryAfterMs === undefined ? undefined : { retryAfterMs: thrown.retryAfterMs })
    }
  }
  if (thrown instanceof HttpError) {
    const { status, connected, family } = thrown
    const isGateway = status !== undefined && GATEWAY_STATUSES.has(status)
    return {
      error: errorOf(thrown),
      // With TLS 1.3, a server refuses a client certificate after the handshake is complete for us.
      reachable: connected && family !== 'tls' && !isGateway,
      ...(status === undefined ? undefined : { status }),
      ...withRetryAfter(status, thrown.retryAfterMs)
    }
  }
  throw thrown
}

export function hintOf({ hint }: TokenError): { hint?: string } {
  return hint === '' ? {} : { hint }
}

export function errorOf({ code, family, message, atProxy, proxyStatus }: HttpError): AttemptError {
  return {
    code,
    text: message,
    ...(family === undefined ? undefined : { family }),
    ...(atProxy ? { atProxy } : undefined),
    ...(proxyStatus === undefined ? undefined : { proxyStatus })
  }
}

export function withRetryAfter(
  status: number | undefined,
  wait: number | undefined
): { retryAfterMs?: number } {
  const counts = wait !== undefined && status !== undefined && RETRY_AFTER_STATUSES.has(status)
  return counts ? { retryAfterMs: wait } : {}
}
