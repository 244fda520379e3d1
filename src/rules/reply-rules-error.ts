/** Kinds of mistakes, by what is expected there; keys of the form's texts under `ruleMistake`. */
export type ReplyRulesMistake =
  | 'tooLong'
  | 'tooMany'
  | 'next'
  | 'equals'
  | 'bracket'
  | 'action'
  | 'noAction'
  | 'refusal'
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

/** What is wrong in a string of reply rules, and where. */
export class ReplyRulesError extends Error {
  override readonly name = 'ReplyRulesError'
  /** What kind of mistake it is. */
  readonly mistake: ReplyRulesMistake
  /** Where the mistake begins: an offset into the string, from 0, in UTF-16 units. */
  readonly position: number
  /** How long the mistake is; 0 if something is missing. */
  readonly length: number

  constructor(mistake: ReplyRulesMistake, position: number, length: number) {
    super(`${mistake}, at ${position}`)
    this.mistake = mistake
    this.position = position
    this.length = length
  }
}
