import { parseReplyRules } from '../../src/rules/reply-rules.ts'
import { postToNodeRed, RequestError } from './ask-node-red.ts'
import type { Form } from './form.ts'
import { conditionWords } from './reply-rule-words.ts'
import { onPress, ResultBox, type ResultLine } from './result-box.ts'

/** The route's answer; the token is hidden in it. */
interface Answer {
  request?: { line: string; headers: Record<string, string> }
  status?: number | null
  reply?: string | null
  ack?: { code?: string } | null
  rule?: string
  action?: string
  elapsedMs?: number
  error?: { code: string; message: string } | null
}

/** What the button needs of the form. */
export interface TestMessageOptions {
  form: Form
  node: EditorNode
  /** The lists as they are in the form. */
  lists: () => Record<string, unknown>
}

/** So much of a reply is shown, in characters. */
const MAX_SHOWN = 10_000

/** Wires the "Send test message" button: only what is deployed can send. */
export function prepareTestMessage({ form, node, lists }: TestMessageOptions): void {
  const { text } = form
  const result = new ResultBox('hl7-https-out-test-result')
  const state = (): string => JSON.stringify([form.properties(), lists()])
  const opened = state()

  const isDeployed = (): boolean => {
    const used = ['auth', 'tls', 'proxy'].map((property) => node[property])
    const nodes = [node.id, ...used].flatMap((id) =>
      typeof id === 'string' && id !== '' ? [RED.nodes.node(id)] : []
    )
    return state() === opened && nodes.every((one) => one?.changed !== true)
  }

  const show = (answer: Answer): void => {
    const { error = null, request } = answer
    // No letter: no reply was due, or a warning alone.
    const good = error === null && ['', 'C'].includes((answer.action ?? '').replace('W', ''))
    const code = answer.ack?.code ?? ''
    const headline =
      error !== null
        ? text('testMessage.failed')
        : code === ''
          ? text(good ? 'testMessage.accepted' : 'testMessage.notAccepted')
          : text(good ? 'testMessage.ack' : 'testMessage.nak', { code })
    const lines: ResultLine[] = [
      [text('testMessage.problem'), error === null ? '' : [error.code, error.message].join(': ')],
      [text('testMessage.decision'), decisionWords(answer, text)],
      [text('testMessage.status'), String(answer.status ?? '')],
      [
        text('testMessage.elapsed'),
        answer.elapsedMs === undefined
          ? ''
          : text('testMessage.milliseconds', { ms: answer.elapsedMs })
      ]
    ]
    const sent =
      request === undefined
        ? ''
        : [
            request.line,
            ...Object.entries(request.headers).map(([name, value]) => `${name}: ${value}`)
          ].join('\n')
    result.show(good ? 'good' : 'bad', headline, lines, [
      [text('testMessage.request'), sent],
      [text('testMessage.reply'), readable(answer.reply ?? '')]
    ])
  }

  onPress('hl7-https-out-test-button', async () => {
    if (!isDeployed()) {
      result.show('bad', text('request.notDeployed'), [])
      return
    }
    const id = runningId(node)
    if (id === undefined) {
      result.show('bad', text('request.unusedSubflow'), [])
      return
    }
    result.say(text('testMessage.busy'))
    try {
      const type = String($('#hl7-https-out-test-type').val()).trim() || 'ADT^A01'
      const path = `hl7-https-out/${encodeURIComponent(id)}/test`
      show((await postToNodeRed(path, { type })) as Answer)
    } catch (error) {
      if (!(error instanceof RequestError)) throw error
      result.show('bad', text(`request.${error.key}`), [])
    }
  })
}

/**
 * The id of the node that runs. In a subflow that is the one of the first instance, which Node-RED
 * names after both; undefined where there is none.
 */
function runningId(node: EditorNode): string | undefined {
  const subflow = RED.nodes.subflow(node['z'])
  if (!subflow) return node.id
  for (const instance of subflow.instances) {
    const outer = runningId(instance)
    if (outer !== undefined) return `${outer}-${node.id}`
  }
  return undefined
}

/** What would become of a message with this answer, and which rule says so. */
function decisionWords({ action = '', rule = '' }: Answer, text: Form['text']): string {
  const letters = action.replace('W', '')
  const words = action === '' ? '' : text(`action.${letters === '' ? 'W' : shortened(letters)}`)
  if (rule === '') return words
  const [read] = parseReplyRules(rule).rules
  const condition = read === undefined ? rule : conditionWords(read, text)
  return text('testMessage.byRule', { action: words, condition, rule })
}

function shortened(letters: string): string {
  return letters === 'RF' ? 'R' : letters
}

/** Segments on lines of their own, and no more than can be looked at. */
function readable(reply: string): string {
  const lines = reply.slice(0, MAX_SHOWN).replace(/\r\n?/g, '\n')
  return reply.length > MAX_SHOWN ? `${lines} …` : lines
}
