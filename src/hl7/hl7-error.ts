/** Why a message cannot be sent as it is, or a setting of ours that speaks of HL7 cannot be used. */
export type Hl7ErrorCode = 'HL7_INVALID_MESSAGE' | 'HL7_CONFIG'

/**
 * An error of the HL7 room. Its text never holds a field of the message: it is safe to print.
 */
export class Hl7Error extends Error {
  override readonly name = 'Hl7Error'
  readonly code: Hl7ErrorCode

  constructor(code: Hl7ErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
