import { HTTP_STATUS, shownCode } from '../codes.ts'
import { SET_ASIDE, type Verdict } from './message-row.ts'

/** Why a message stays or has left, as a code: of Node.js or the token server, MSA-1, or an HTTP status; `''` for none. */
export function causeOf({
  ackCode,
  cause,
  status
}: Pick<Verdict, 'ackCode' | 'cause' | 'status'>): string {
  return cause === '' ? ackCode || String(status || '') : shownCode({ code: cause, status })
}

/** What the receiver answered, as operators read it: MSA-1, or the status of an answer without one; `''` for neither. */
export function answerCode({ ackCode, status }: Pick<Verdict, 'ackCode' | 'status'>): string {
  return ackCode === '' && status > 0 ? `HTTP ${status}` : ackCode
}

/**
 * By what a message is found that the receiver refused, or that did not get there: the codes of its errors, or else its
 * cause. Each is there once. An HTTP status is its number, whether the receiver or the token server sent it.
 */
export function codesOf(verdict: Verdict): string[] {
  const { cause, errorCode, errors } = verdict
  if (errorCode === SET_ASIDE) return [SET_ASIDE]
  if (errors.length > 0) return [...new Set(errors.map(({ code }) => code))]
  const code = causeOf({ ...verdict, cause: cause === HTTP_STATUS ? '' : cause }) || errorCode
  return code === '' ? [] : [code]
}
