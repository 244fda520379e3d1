import { ERROR_CODES } from '../../src/hl7/error-codes.ts'
import { parseReplyRules, type ReplyRule } from '../../src/rules/reply-rules.ts'
import {
  backupFacts,
  requestText,
  shownBody,
  takesNoTests,
  testOutcome
} from '../operations/test-outcome.ts'
import { askNodeRed } from './ask-node-red.ts'
import { elementOf } from './element-of.ts'
import type { Form } from './form.ts'
import { prepareFormTest } from './form-test.ts'
import type { FormText, OutKey } from '../../src/form-text.ts'
import { rowAction } from '../rules/reply-rule-row.ts'
import { actionWords, conditionWords, severityWords } from '../rules/reply-rule-words.ts'
import { failureLines, type ResultBox, type ResultLine } from './result-box.ts'
import { addTestNodes } from './test-nodes.ts'
import type { LastTest } from './try-rules.ts'
import type { QuestionOf } from '../operations/questions.ts'
import type { TestAnswer } from '../tests/test-result.ts'
import { USUAL_TYPE } from '../tests/test-sample.ts'

/** The most errors of a reply that are listed: all are in the reply below. */
const MAX_ERRORS = 20

const prefix = 'hl7-https-out-test'

/**
 * Wires "Send test message", which sends with what is in the form, and "Add test nodes", which adds them
 * when the form is closed with "Done".
 *
 * @param onReply a reply came
 */
export function prepareTestMessage(
  form: Form<OutKey>,
  node: EditorNode,
  onReply: (last: LastTest) => void
): void {
  const { text } = form
  adds = undefined
  const field = elementOf(`${prefix}-type`, HTMLSelectElement)
  // The empty type is the own sample.
  const own = (): string => (field.value === '' ? String($('#node-input-sample').val()).trim() : '')
  const type = (): string => field.value || USUAL_TYPE
  if (String($('#node-input-sample').val()).trim() !== '') field.value = ''
  $(field).trigger('change')

  const show = (answer: TestAnswer, result: ResultBox): void => {
    const { error = null, request } = answer
    const lines: ResultLine[] = [
      [text('testMessage.decision'), decisionWords(answer, text)],
      [text('testMessage.text'), answer.ack?.text ?? ''],
      [text('testMessage.errors'), errorWords(answer, text)],
      [text('result.hint'), hintWords(answer, text)],
      [text('testMessage.backup'), backupWords(answer)],
      [text('testMessage.status'), String(answer.status ?? '')],
      [
        text('result.elapsed'),
        answer.elapsedMs === undefined ? '' : text('result.milliseconds', { ms: answer.elapsedMs })
      ]
    ]
    const long: ResultLine = [text('testMessage.reply'), shownBody(answer.reply ?? '')]
    const closed: ResultLine = [text('testMessage.request'), requestText(answer)]
    if (error !== null) {
      const { code, ...why } = error
      const headline = text(request === undefined ? 'testMessage.notSent' : 'testMessage.failed')
      const all = [...failureLines(text, { error: code, ...why }), ...lines]
      result.show({ outcome: 'bad', headline, lines: all, long, closed })
      return
    }
    const kind = testOutcome(answer)
    const good = kind === 'accepted' || kind === 'awaits'
    const code = answer.ack?.code ?? ''
    const withCode = { accepted: 'ack', refused: 'nak' } as const
    const headline =
      code !== '' && (kind === 'accepted' || kind === 'refused')
        ? text(`testMessage.${withCode[kind]}`, { code })
        : text(`testMessage.${kind}`)
    result.show({ outcome: good ? 'good' : 'bad', headline, lines, long, closed })
  }

  const settings = () => {
    const sample = own()
    return { type: type(), ...(sample !== '' && { sample }), node: form.settings() }
  }
  const ask = (question: QuestionOf<'testNode'>): Promise<TestAnswer> =>
    askNodeRed('testNode', { id: runningId(node) ?? node.id }, question)

  prepareFormTest({
    form,
    prefix,
    button: 'show',
    busy: text('testMessage.showing'),
    settings,
    run: async (now, result) => {
      const answer = await ask({ ...now, dryRun: true })
      return () => {
        if (answer.error) show(answer, result)
        else {
          const long: ResultLine = [text('testMessage.request'), requestText(answer)]
          result.show({ outcome: 'good', headline: text('testMessage.shown'), long })
        }
      }
    }
  })

  prepareFormTest({
    form,
    prefix,
    busy: text('testMessage.busy'),
    settings,
    run: async (now, result) => {
      const answer = await ask(now)
      return () => {
        show(answer, result)
        const { message = '', reply, replyType = '', status } = answer
        if (typeof reply === 'string' && typeof status === 'number') {
          onReply({ message, status, contentType: replyType, reply })
        }
      }
    }
  })

  const button = document.getElementById(`${prefix}-add`)
  button?.addEventListener('click', () => {
    adds = { node, type: type() }
    if (button instanceof HTMLButtonElement) button.disabled = true
    const note = document.getElementById(`${prefix}-added`)
    if (note) note.textContent = text('testMessage.added')
  })
}

/** What "Add test nodes" was pressed for in the open form. */
let adds: { node: EditorNode; type: string } | undefined

// Not in `oneditsave`: only now are the changes to the node in the history, so that the first Ctrl+Z
// removes the nodes.
RED.events.on('editor:save', (node) => {
  if (adds?.node === node) addTestNodes(node, adds.type)
})

/**
 * The id of the running node. In a subflow that is the node of the first instance, whose id
 * Node-RED forms from both ids; undefined if there is no instance.
 */
export function runningId(node: EditorNode): string | undefined {
  const subflow = RED.nodes.subflow(node['z'])
  if (!subflow) return node.id
  for (const instance of subflow.instances) {
    const outer = runningId(instance)
    if (outer !== undefined) return `${outer}-${node.id}`
  }
  return undefined
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
