import { isLoginPage, isRejection, meaningOfPage } from '../http-client/error-page.ts'
import { UNKNOWN_OPERATION, type SoapFault } from './soap-fault.ts'

/**
 * What a reply means, where its status says something else: the status that it stands for, or `tls`, a refused client
 * certificate.
 */
export type ReplyMeaning = 400 | 401 | 403 | 413 | 431 | 500 | 'tls'

/** By the code of a SOAP fault: those that blame the sender (SOAP 1.1 §4.4.1, SOAP 1.2 part 1 §5.4.6). */
const byCode: ReadonlyMap<string, ReplyMeaning> = new Map([
  ['Client', 400],
  ['Sender', 400],
  ['VersionMismatch', 400],
  ['MustUnderstand', 400],
  [UNKNOWN_OPERATION, 400],
  [`Sender.${UNKNOWN_OPERATION}`, 400]
])

/** A code that is about the login. */
const login = /Authentication|SecurityError/

/** By the detail of a fault of the registries' WSDL, whose servers say 500 to everything. */
const byDetail: ReadonlyMap<string, ReplyMeaning> = new Map([
  ['MessageTooLargeFault', 400],
  ['UnsupportedOperationFault', 400],
  ['SecurityFault', 401]
])

/** With these, and with any 2xx, a fault may mean anything: some servers have one status for everything. */
const statusesOfFaults = new Set([400, 500])

/**
 * What a reply means, if its status does not say it.
 *
 * @param text the body
 * @param fault the SOAP fault that it is, if it is one
 */
export function meaningOf(
  status: number,
  text: string,
  fault: SoapFault | undefined
): ReplyMeaning | undefined {
  const isSuccess = status >= 200 && status < 300
  if (fault === undefined) {
    if (status === 400) return meaningOfPage(text)
    if (!isSuccess) return undefined
    // A page that asks for a password, or that of a firewall, has accepted nothing, whatever the status.
    return isLoginPage(text) ? 401 : isRejection(text) ? 403 : undefined
  }
  if (!isSuccess && !statusesOfFaults.has(status)) return undefined
  const { code = '', detail = '', isOfRegistry } = fault
  const meant =
    (isOfRegistry ? byDetail.get(detail) : undefined) ?? (login.test(code) ? 401 : byCode.get(code))
  // The server's own fault is no success, whatever its status says.
  return meant ?? (isSuccess ? 500 : undefined)
}
