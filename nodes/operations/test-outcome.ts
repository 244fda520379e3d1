import { isRefusal } from '../../src/hl7/acknowledgement-codes.ts'
import { unpadded } from '../../src/hl7/unpadded.ts'
import type { BackupResult, TestAnswer } from '../tests/test-result.ts'

/** So much of a body is shown, in characters. */
const MOST_SHOWN = 10_000

/** What the rule that decided means for a test message. */
export type TestOutcome = 'accepted' | 'awaits' | 'refused' | 'notAccepted'

/** Of an answer that came. Refused is what would leave on NAK; the rest would wait, be suspended or go to Catch nodes. */
export function testOutcome({ ack, action = '' }: TestAnswer): TestOutcome {
  const letters = action.replace('W', '')
  // No letters: no reply was expected, or the rule only warns.
  if (letters === '' || letters === 'C') return 'accepted'
  // What follows if no application acknowledgement comes is another matter.
  if (letters.startsWith('A')) return 'awaits'
  return letters === 'N' || (letters === 'F' && ack) ? 'refused' : 'notAccepted'
}

/** The receiver has understood it, and only refuses tests (ERR-3 202, unsupported processing ID). */
export function takesNoTests({ ack }: TestAnswer): boolean {
  const errors = ack?.errors ?? []
  return isRefusal(ack?.code ?? '') && errors.some(({ code }) => unpadded(code) === '202')
}

/** The request as text: line, headers and body; `''` if it could not be built. */
export function requestText({ request }: TestAnswer): string {
  if (request === undefined) return ''
  const { body, headers, line } = request
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  return [line, ...fields, '', shownBody(body)].join('\n')
}

/** A body with each segment on its own line, and not all of a long one. */
export function shownBody(body: string): string {
  const lines = body.slice(0, MOST_SHOWN).replace(/\r\n?/g, '\n')
  return body.length > MOST_SHOWN ? `${lines} …` : lines
}

/** What the backup answered, or why it did not. */
export function backupFacts({ ackCode, error, status }: BackupResult): string[] {
  const facts = [ackCode, status === null ? '' : `HTTP ${status}`, error?.reason ?? '']
  return facts.filter((fact) => fact !== '')
}
