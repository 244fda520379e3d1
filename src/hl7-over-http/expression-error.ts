/** An expression failed. What it says itself can contain parts of the message, so only this is kept. */
export class ExpressionError extends Error {
  override readonly name = 'ExpressionError'
  /** A code of JSONata, such as `T2001`. */
  readonly code: string
  /** In the expression, from 1. */
  readonly line: number

  constructor(code: string, line: number) {
    super(`${code} in line ${line}`)
    this.code = code
    this.line = line
  }
}
