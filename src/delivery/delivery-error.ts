import type { Codes } from '../codes.ts'

/** Codes of the errors that a Catch node receives. */
export type DeliveryErrorCode = keyof Codes['error']

/** The cause of an error: a Node.js, HTTP or OAuth code, and the HTTP status if there was one. */
export interface DeliveryErrorCause {
  code: string
  status?: number
  /** Of a refused client or token: the server's own code and words, if it gave any and they may be shown. */
  error?: string
  description?: string
}

/**
 * Why a message left as an error. Text and cause are safe to print: they name only the control ID
 * and type of the message. The cause is plain data, since Node-RED hands it on to the flow.
 */
export class DeliveryError extends Error {
  override readonly name = 'DeliveryError'
  readonly code: DeliveryErrorCode
  override readonly cause: DeliveryErrorCause | undefined

  constructor(code: DeliveryErrorCode, message: string, cause?: DeliveryErrorCause) {
    super(message)
    this.code = code
    this.cause = cause && readable(cause)
    // Node-RED shows an error by its toString and copies an own stack into the flow's message: a
    // stack trace of our own code helps nobody there.
    delete (this as { stack?: string }).stack
  }

  /** Only the message: Node-RED puts it into `msg.error.message`. */
  override toString(): string {
    return this.message
  }
}

/** The same data; the debug sidebar of Node-RED shows a cause by its toString. */
function readable(cause: DeliveryErrorCause): DeliveryErrorCause {
  const { code, status } = cause
  const text = status === undefined || code === String(status) ? '' : ` (HTTP ${status})`
  const value = (): string => `${code === String(status) ? 'HTTP ' : ''}${code}${text}`
  return Object.defineProperty({ ...cause }, 'toString', { value })
}
