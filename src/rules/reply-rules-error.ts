/**
 * Kinds of mistakes, by what is expected there; the editor has a text for each in its languages.
 */
export type ReplyRulesMistake =
  | 'tooLong'
  | 'tooMany'
  | 'next'
  | 'equals'
  | 'bracket'
  | 'action'
  | 'value'
  | 'quote'
  | 'test'
  | 'code'
  | 'error'
  | 'errorCode'
  | 'comparison'
  | 'severity'
  | 'field'
  | 'status'

/**
 * What is wrong in a string of reply rules, and where. The text says what is wrong and what is
 * allowed; it is meant for the author of the string and quotes nothing else.
 */
export class ReplyRulesError extends Error {
  override readonly name = 'ReplyRulesError'
  /** The code that a flow sees. */
  readonly code = 'HL7_CONFIG'
  /** What kind of mistake it is. */
  readonly mistake: ReplyRulesMistake
  /** Where the mistake begins: an offset into the string, from 0, in UTF-16 units. */
  readonly position: number
  /** How long the mistake is; 0 if something is missing. */
  readonly length: number

  constructor(mistake: ReplyRulesMistake, message: string, position: number, length: number) {
    super(message)
    this.mistake = mistake
    this.position = position
    this.length = length
  }
}
