import { isRefusal } from '../../src/hl7/acknowledgement-codes.ts'
import { unpadded } from '../../src/hl7/unpadded.ts'
import type { TestAnswer } from '../tests/test-result.ts'

/** What the rule that decided means for a test message. */
export type TestOutcome = 'accepted' | 'awaits' | 'refused'

/** Of an answer that came. */
export function testOutcome({ action = '' }: TestAnswer): TestOutcome {
  const letters = action.replace('W', '')
  // No letters: no reply was expected, or the rule only warns.
  if (letters === '' || letters === 'C') return 'accepted'
  // What follows if no application acknowledgement comes is another matter.
  return letters.startsWith('A') ? 'awaits' : 'refused'
}

/** The receiver has understood it, and only refuses tests (ERR-3 202, unsupported processing ID). */
export function takesNoTests({ ack }: TestAnswer): boolean {
  const errors = ack?.errors ?? []
  return isRefusal(ack?.code ?? '') && errors.some(({ code }) => unpadded(code) === '202')
}
