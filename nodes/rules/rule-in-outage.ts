import { faultOf, type FailureFacts } from '../../src/delivery/fault.ts'
import type { ReplyRule } from '../../src/rules/reply-rules.ts'
import type { ReplyTest } from '../../src/rules/reply-test.ts'

/**
 * Whether an outage meets a rule: a fault for which all messages wait. Says so only where the rule names it, by its
 * family, its status, or as any error.
 */
export function meetsOutage({ conditions }: Pick<ReplyRule, 'conditions'>): boolean {
  return conditions.some((tests) => {
    const may = tests.map(holdsInOutage)
    return may.includes(true) && !may.includes(false)
  })
}

/** Undefined where that depends on what an answer holds. */
function holdsInOutage(test: ReplyTest): boolean | undefined {
  switch (test.kind) {
    case 'error':
      return true
    case 'error-family':
      return isOutage({ error: { code: '', family: test.family, text: '' } })
    case 'error-status':
    case 'status':
      return statusesOf(test).some((status) => isOutage({ status }))
    case 'again':
    case 'error-code':
    case 'error-text':
    case 'field-value':
    case 'field-text':
    case 'reply-text':
      return undefined
    default:
      return false
  }
}

function statusesOf({ from, to }: { from: number; to: number }): number[] {
  return Array.from({ length: to - from + 1 }, (_, at) => from + at)
}

function isOutage(facts: Pick<FailureFacts, 'error' | 'status'>): boolean {
  const decision = { outcome: 'fail', retry: true, rule: '', action: '', warnings: [] } as const
  const fault = faultOf({ decision, ...facts })
  return fault !== undefined && fault.waits !== 'message'
}
