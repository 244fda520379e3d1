/** Why a message cannot be sent as it is, or an HL7 setting of the node cannot be used. */
export type Hl7ErrorCode = 'HL7_INVALID_MESSAGE' | 'HL7_CONFIG'

/** An error from the HL7 room. Its text never contains field content, so it is safe to print. */
export class Hl7Error extends Error {
  override readonly name = 'Hl7Error'
  readonly code: Hl7ErrorCode

  constructor(code: Hl7ErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
