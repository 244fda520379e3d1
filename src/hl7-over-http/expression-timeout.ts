/** How long one evaluation of an expression may take, in seconds: it does not give the event loop back. */
export const MOST_EVALUATION_SECONDS = 1

/** An expression was stopped. */
export class ExpressionTimeout extends Error {
  override readonly name = 'ExpressionTimeout'

  constructor() {
    super(`took longer than ${MOST_EVALUATION_SECONDS} s`)
  }
}
