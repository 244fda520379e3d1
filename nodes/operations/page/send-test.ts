import { printable, printableProse } from '../../../src/printable.ts'
import { tookText } from '../../../src/told.ts'
import type { TestAnswer } from '../../tests/test-result.ts'
import { USUAL_TYPE } from '../../tests/test-sample.ts'
import { backupFacts, takesNoTests, testOutcome } from '../test-outcome.ts'
import type { On } from './action.ts'
import type { Desk } from './desk.ts'
import type { Entered, Field, Question } from './question.ts'

/** MSH-9 is no longer. */
const MOST_TYPE = 60

/** The receiver gets a real request, with a patient that does not exist. */
export function testQuestion({ node }: On, { frame, text }: Desk): Partial<Question> {
  const type: Field = {
    kind: 'line',
    name: 'type',
    label: text('question.testType'),
    maxLength: MOST_TYPE,
    value: USUAL_TYPE
  }
  const sample: Field = {
    kind: 'lines',
    name: 'sample',
    label: text('question.testSample'),
    value: '',
    rows: 4
  }
  return {
    fields: frame.may('hl7-https-out.content') ? [type, sample] : [type],
    confirm: text('button.sendTest', { host: hostsOf(node) })
  }
}

/** All that a test message goes to. */
export function hostsOf({ backupHost, host }: On['node']): string {
  return printable([host, backupHost].filter(Boolean).join(', '))
}

export async function sendTest({ node }: On, desk: Desk, entered: Entered): Promise<undefined> {
  const { frame, name, say, text } = desk
  const sample = entered.value('sample')
  const test = {
    type: entered.value('type').trim() || USUAL_TYPE,
    ...(sample.trim() !== '' && { sample })
  }
  say('good', text('test.busy', { name: name(node.id) }))
  const { good, words } = testWords(await frame.ask('testNode', { id: node.id }, test), desk)
  say(good ? 'good' : 'bad', words, node)
}

/** What a test message showed, in a sentence; and at the backup. */
function testWords(answer: TestAnswer, desk: Desk): { good: boolean; words: string } {
  const first = wordsOfTest(answer, desk)
  const { backup } = answer
  if (backup === undefined) return first
  const second = `${printable(backup.host)}: ${printableProse(backupFacts(backup).join(', '))}`
  return { good: first.good && backup.error === null, words: `${first.words} ${second}` }
}

function wordsOfTest(answer: TestAnswer, { text }: Desk): { good: boolean; words: string } {
  const { error, ack, status, elapsedMs } = answer
  if (error !== undefined && error !== null) {
    const why = [error.reason || error.code, error.hint].filter(Boolean).join(' ')
    return { good: false, words: text('test.failed', { why: printableProse(why) }) }
  }
  const outcome = testOutcome(answer)
  const good = outcome === 'accepted' || outcome === 'awaits'
  const code = ack?.code ?? ''
  const facts = [code, status ? `HTTP ${status}` : '', elapsedMs ? tookText(elapsedMs, text) : '']
  return {
    good,
    words: [
      text(`test.${outcome}`, { facts: printable(facts.filter(Boolean).join(', '), 100) }),
      ...(!good && takesNoTests(answer) ? [text('test.takesNoTests')] : [])
    ].join('. ')
  }
}
