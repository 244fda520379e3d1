import { unpadded } from './unpadded.ts'

/**
 * MSA-1 (HL7 table 0008): what each code says. The first of a pair is the application's; the second says in enhanced
 * mode whether the message was stored.
 */
export const ACK_CODES = {
  accept: ['AA', 'CA'],
  error: ['AE', 'CE'],
  reject: ['AR', 'CR']
} as const

/** Those that say no. */
export const REFUSING_CODES = [...ACK_CODES.error, ...ACK_CODES.reject] as const

/** All six. */
export const STANDARD_CODES = [...ACK_CODES.accept, ...REFUSING_CODES] as const

/** Whether MSA-1, as it was sent, says that the message was accepted. */
export function isAccept(code: string): boolean {
  return isOneOf(ACK_CODES.accept, code)
}

/** Whether MSA-1 says that the message was rejected. */
export function isReject(code: string): boolean {
  return isOneOf(ACK_CODES.reject, code)
}

/** Whether MSA-1 says no: error or reject. */
export function isRefusal(code: string): boolean {
  return isOneOf(REFUSING_CODES, code)
}

/** Whether MSA-1 is one of the six. */
export function isStandardCode(code: string): boolean {
  return isOneOf(STANDARD_CODES, code)
}

function isOneOf(codes: readonly string[], code: string): boolean {
  return codes.includes(unpadded(code))
}
