/** Why a message cannot be sent as it is, or an HL7 setting of the node cannot be used. */
export type Hl7ErrorCode = 'HL7_INVALID_MESSAGE' | 'HL7_CONFIG'

/** An error from the HL7 room. Its text never contains field content, so it is safe to print. */
export class Hl7Error extends Error {
  override readonly name = 'Hl7Error'
  readonly code: Hl7ErrorCode
  /** Of its text, below `error` in `log.json`; `''`: it has none. */
  readonly key: string

  constructor(code: Hl7ErrorCode, message: string, key = '') {
    super(message)
    this.code = code
    this.key = key
  }
}
