/** What one evaluation of an expression may take, in milliseconds of the event loop. */
export const MOST_EVALUATION_MS = 250

const reasons = {
  time: `took longer than ${MOST_EVALUATION_MS} ms`,
  depth: 'is nested too deeply',
  list: 'handles too long a list'
} as const

/** An expression was stopped. The text is what it did, to follow its name, and nothing of its input. */
export class ExpressionLimit extends Error {
  override readonly name = 'ExpressionLimit'

  constructor(reason: keyof typeof reasons) {
    super(reasons[reason])
  }
}
