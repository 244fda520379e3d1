/** How long one evaluation of an expression may block the event loop, in milliseconds. */
export const MOST_EVALUATION_MS = 250

const reasons = {
  time: `took longer than ${MOST_EVALUATION_MS} ms`,
  depth: 'is nested too deeply',
  list: 'handles too long a list'
} as const

/**
 * An expression was stopped. The text follows its name in a sentence and contains nothing of its
 * input.
 */
export class ExpressionLimit extends Error {
  override readonly name = 'ExpressionLimit'

  constructor(reason: keyof typeof reasons) {
    super(reasons[reason])
  }
}
