import { ERROR_CODES } from '../../src/hl7/error-codes.ts'
import { parseReplyRules, type ReplyRule } from '../../src/rules/reply-rules.ts'
import {
  backupFacts,
  requestText,
  shownBody,
  takesNoTests,
  testOutcome
} from '../operations/test-outcome.ts'
import type { FormText, OutKey } from '../../src/form-text.ts'
import { rowAction } from '../rules/reply-rule-row.ts'
import { actionWords, conditionWords, severityWords } from '../rules/reply-rule-words.ts'
import type { TestAnswer } from '../tests/test-result.ts'
import { failureLines, type Result, type ResultLine } from './result-box.ts'

/** The most errors of a reply that are listed: all are in the reply below. */
const MAX_ERRORS = 20

/** What is shown of the answer to a test message. */
export function testResult(answer: TestAnswer, text: FormText<OutKey>): Result {
  const { ack, elapsedMs, error = null, reply = '', request, status } = answer
  const elapsed = elapsedMs === undefined ? '' : text('result.milliseconds', { ms: elapsedMs })
  const lines: ResultLine[] = [
    [text('testMessage.decision'), decisionWords(answer, text)],
    [text('testMessage.text'), ack?.text ?? ''],
    [text('testMessage.errors'), errorWords(answer, text)],
    [text('result.hint'), hintWords(answer, text)],
    [text('testMessage.backup'), backupWords(answer)],
    [text('testMessage.status'), String(status ?? '')],
    [text('result.elapsed'), elapsed]
  ]
  const long: ResultLine = [text('testMessage.reply'), shownBody(reply ?? '')]
  const closed: ResultLine = [text('testMessage.request'), requestText(answer)]
  if (error !== null) {
    const { code, ...why } = error
    const headline = text(request === undefined ? 'testMessage.notSent' : 'testMessage.failed')
    const all = [...failureLines(text, { error: code, ...why }), ...lines]
    return { outcome: 'bad', headline, lines: all, long, closed }
  }
  const kind = testOutcome(answer)
  const outcome = kind === 'accepted' || kind === 'awaits' ? 'good' : 'bad'
  return { outcome, headline: headlineOf(kind, ack?.code ?? '', text), lines, long, closed }
}

function headlineOf(
  kind: ReturnType<typeof testOutcome>,
  code: string,
  text: FormText<OutKey>
): string {
  if (code !== '' && kind === 'accepted') return text('testMessage.ack', { code })
  if (code !== '' && kind === 'refused') return text('testMessage.nak', { code })
  return text(`testMessage.${kind}`)
}

function hintWords(answer: TestAnswer, text: FormText<OutKey>): string {
  if (takesNoTests(answer)) return text('testMessage.takesNoTests')
  const isEmpty = answer.reply?.trim() === '' && testOutcome(answer) === 'accepted'
  return isEmpty ? text('testMessage.emptyReply') : ''
}

/** What this answer would mean for a message, and which rule says so. */
function decisionWords(answer: TestAnswer, text: FormText<OutKey>): string {
  const { rule = '' } = answer
  const [read] = rule === '' ? [] : parseReplyRules(rule).rules
  const words = answerWords(answer, read, text)
  if (rule === '') return words
  const condition = read === undefined ? rule : conditionWords(read, text)
  const key = isOfMeaning(answer, read) ? 'testMessage.byMeaning' : 'testMessage.byRule'
  return text(key, { action: words, condition, rule })
}

/** The rule names another status than the one that came: what the reply means, such as 400 for a SOAP fault with 500. */
function isOfMeaning({ status }: TestAnswer, rule: ReplyRule | undefined): boolean {
  const named = (rule?.conditions.flat() ?? []).filter((test) => test.kind === 'error-status')
  const code = status ?? 0
  return code > 0 && named.length > 0 && !named.some(({ from, to }) => from <= code && code <= to)
}

function answerWords(
  { action = '', retriedUntil = null }: TestAnswer,
  rule: ReplyRule | undefined,
  text: FormText<OutKey>
): string {
  if (retriedUntil !== null && retriedUntil !== 'timeout') return text(`retried.${retriedUntil}`)
  if (action === '') return ''
  const letters = rowAction(action)
  // One attempt only: what follows the retries follows at once.
  const isOnce = retriedUntil === null && letters.startsWith('R')
  if (isOnce) return text(`action.${rowAction(letters.slice(1) || 'F') || 'W'}`)
  return actionWords({ action, ...(rule && { mostRetries: rule.mostRetries }) }, text)
}

/** Which host answered as backup, and what. */
function backupWords({ backup }: TestAnswer): string {
  return backup === undefined ? '' : `${backup.host}: ${backupFacts(backup).join(' · ')}`
}

/** The ERR segments, one a line: code and its meaning, severity, place, and what the receiver says. */
function errorWords({ ack }: TestAnswer, text: FormText<OutKey>): string {
  const errors = ack?.errors ?? []
  const lines = errors
    .slice(0, MAX_ERRORS)
    .map(({ code, codeText, severity, location, userMessage, diagnostic }) => {
      const meaning = [code, codeText === '' ? (ERROR_CODES.get(code) ?? '') : codeText]
      return [
        meaning.filter((part) => part !== '').join(' '),
        severityWords(severity, text),
        location,
        userMessage === '' ? diagnostic : userMessage
      ]
        .filter((part) => part !== '')
        .join(' · ')
    })
  return [...lines, ...(errors.length > MAX_ERRORS ? ['…'] : [])].join('\n')
}
