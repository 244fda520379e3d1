/** How long one evaluation of an expression may take, in seconds: it does not give the event loop back. */
export const MOST_EVALUATION_SECONDS = 1

/**
 * An expression was stopped. The text follows its name in a sentence and contains nothing of its
 * input.
 */
export class ExpressionTimeout extends Error {
  override readonly name = 'ExpressionTimeout'

  constructor() {
    super(`took longer than ${MOST_EVALUATION_SECONDS} s`)
  }
}
