import { ReplyRulesError, type ReplyRulesMistake } from './reply-rules-error.ts'

/** A piece of the string and its position. */
export interface Piece {
  /** Its value: without blanks at the ends and without quotes. */
  readonly text: string
  readonly start: number
  readonly end: number
  /** Whether it was in double quotes. */
  readonly quoted: boolean
}

/** Blank, tab, line feed, carriage return, no-break space: what copying may leave in a string. */
const blank = /[ \t-\r\xa0]/

/** A value with one of the others is written in quotes. */
const bareValue = /[^,=&)"]/

/**
 * Walks through a string of reply rules, forwards only. Reads each character a fixed number of
 * times, so that the time is linear in the length.
 */
export class RuleScanner {
  readonly text: string
  position = 0

  constructor(text: string) {
    this.text = text
  }

  /** The next character that is not a blank, or `''` at the end. */
  peek(): string {
    while (blank.test(this.text.charAt(this.position))) this.position++
    return this.text.charAt(this.position)
  }

  /** Steps over `character` if it comes next. */
  take(character: string): boolean {
    if (this.peek() !== character) return false
    this.position++
    return true
  }

  /** Steps over `word` if it comes next, and after it what ends a test. */
  takeWord(word: string): boolean {
    this.peek()
    const start = this.position
    if (!this.text.startsWith(word, start)) return false
    this.position += word.length
    if (['', ',', '&', ')', '='].includes(this.peek())) return true
    this.position = start
    return false
  }

  /**
   * The characters from here that `accepted` matches, without blanks at the end.
   *
   * @param accepted matches one character
   */
  run(accepted: RegExp): Piece {
    const start = this.position
    while (accepted.test(this.text.charAt(this.position))) this.position++
    let end = this.position
    while (end > start && blank.test(this.text.charAt(end - 1))) end--
    return { text: this.text.slice(start, end), start, end, quoted: false }
  }

  /**
   * A value or text: in double quotes, where `""` is one quote, or bare up to the next comma, `=`,
   * `&`, `)` or quote. It is never empty.
   *
   * @throws ReplyRulesError when there is none, or the closing quote is missing
   */
  value(): Piece {
    const first = this.peek()
    const piece = first === '"' ? this.#quotedValue() : this.run(bareValue)
    if (piece.text === '') throw this.errorAt('value', piece)
    return piece
  }

  #quotedValue(): Piece {
    const start = this.position
    let text = ''
    let from = start + 1
    for (;;) {
      const quote = this.text.indexOf('"', from)
      if (quote < 0) {
        throw this.errorAt('quote', { start, end: this.text.length })
      }
      text += this.text.slice(from, quote)
      from = quote + 1
      if (this.text.charAt(from) !== '"') break
      text += '"'
      from++
    }
    this.position = from
    return { text, start, end: from, quoted: true }
  }

  /** An error here: at the next character, or at the end. */
  errorHere(mistake: ReplyRulesMistake): ReplyRulesError {
    const next = this.peek()
    return new ReplyRulesError(mistake, this.position, next === '' ? 0 : 1)
  }

  errorAt(
    mistake: ReplyRulesMistake,
    { start, end }: Pick<Piece, 'start' | 'end'>
  ): ReplyRulesError {
    return new ReplyRulesError(mistake, start, end - start)
  }
}
