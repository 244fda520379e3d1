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
  value(what: string): Piece {
    const first = this.peek()
    const piece = first === '"' ? this.#quotedValue() : this.run(bareValue)
    if (piece.text === '') {
      const found = piece.quoted ? 'an empty text' : this.found()
      throw this.error(
        'value',
        `${what} is missing here, found ${found}`,
        piece.start,
        piece.end - piece.start
      )
    }
    return piece
  }

  #quotedValue(): Piece {
    const start = this.position
    let text = ''
    let from = start + 1
    for (;;) {
      const quote = this.text.indexOf('"', from)
      if (quote < 0) {
        const rest = this.text.length - start
        throw this.error('quote', 'The closing double quote is missing', start, rest)
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

  /** What comes next, in words. */
  found(): string {
    const next = this.peek()
    if (next === '') return 'the end'
    if (next === '"') return 'a double quote'
    // A surrogate alone would print as a replacement character.
    return `'${String.fromCodePoint(this.text.codePointAt(this.position) ?? 0)}'`
  }

  /** An error here: at the next character, or at the end. */
  errorHere(mistake: ReplyRulesMistake, message: string): ReplyRulesError {
    const next = this.peek()
    return this.error(mistake, message, this.position, next === '' ? 0 : 1)
  }

  error(
    mistake: ReplyRulesMistake,
    message: string,
    position: number,
    length: number
  ): ReplyRulesError {
    return new ReplyRulesError(mistake, `${message} (position ${position + 1}).`, position, length)
  }
}
