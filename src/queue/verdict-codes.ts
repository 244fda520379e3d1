import { SET_ASIDE, type Verdict } from './message-row.ts'

/**
 * By what a message is found that the receiver refused, or that did not get there: the codes of its errors; if it has
 * none, what caused that it stays or has left: a code, MSA-1, or an HTTP status. Each is there once.
 */
export function codesOf({ ackCode, cause, errorCode, errors, status }: Verdict): string[] {
  if (errorCode === SET_ASIDE) return [SET_ASIDE]
  if (errors.length > 0) return [...new Set(errors.map(({ code }) => code))]
  const isStatus = cause === '' || cause === HTTP_STATUS
  const code = (isStatus ? ackCode || String(status || '') : cause) || errorCode
  return code === '' ? [] : [code]
}

/** The cause of what has no token because of an HTTP status: the status says more. */
const HTTP_STATUS = 'ERR_HTTP_STATUS'
