import { HttpError } from '../http-client/http-error.ts'
import { TokenError } from '../oauth2/token-error.ts'
import type { AttemptError } from '../rules/attempt.ts'
import type { AttemptResult } from './attempt-result.ts'
import { faultOfStatus } from './fault.ts'

/**
 * The facts of an attempt without an answer, from what the https and oauth2 rooms throw.
 *
 * @param hide hides secrets in what a server has said; the rest are sentences of our own
 */
export function attemptFailure(
  thrown: unknown,
  hide: (text: string) => string = (text) => text
): Pick<
  AttemptResult,
  'hint' | 'isCutEarly' | 'isPermanent' | 'quotes' | 'requestId' | 'retryAfterMs' | 'status'
> & {
  error: AttemptError
} {
  if (thrown instanceof TokenError) {
    const { atProxy, code, message, status, error, description } = thrown
    return {
      error: { code, family: 'token', text: message, ...(atProxy && { atProxy }) },
      ...(thrown.permanent ? { isPermanent: true } : undefined),
      ...(status === undefined ? undefined : { status }),
      ...hintOf(thrown),
      quotes: {
        ...(error !== undefined && { error }),
        ...(description !== undefined && { description: hide(description) })
      },
      ...(thrown.retryAfterMs === undefined ? undefined : { retryAfterMs: thrown.retryAfterMs })
    }
  }
  if (thrown instanceof HttpError) {
    const { answered, connected, family, requestId, status } = thrown
    return {
      error: errorOf(thrown),
      ...(connected && family === 'reset' && !answered && { isCutEarly: true }),
      ...(status === undefined ? undefined : { status }),
      ...(requestId === undefined ? undefined : { requestId: hide(requestId) }),
      ...withRetryAfter(status, thrown.retryAfterMs)
    }
  }
  throw thrown
}

export function hintOf({ hint }: TokenError): { hint?: string } {
  return hint === '' ? {} : { hint }
}

export function errorOf(thrown: HttpError): AttemptError {
  const { code, family, message, atProxy, isOfOwnCertificate, proxyStatus } = thrown
  return {
    code,
    text: message,
    ...(family === undefined ? undefined : { family }),
    ...(atProxy ? { atProxy } : undefined),
    ...(isOfOwnCertificate ? { isOfOwnCertificate } : undefined),
    ...(proxyStatus === undefined ? undefined : { proxyStatus })
  }
}

export function withRetryAfter(
  status: number | undefined,
  wait: number | undefined
): { retryAfterMs?: number } {
  if (wait === undefined || status === undefined) return {}
  return faultOfStatus(status).mayAskForRest ? { retryAfterMs: wait } : {}
}
