import { parseReplyRules } from '../../src/rules/reply-rules.ts'
import { postToNodeRed, RequestError } from './ask-node-red.ts'
import type { Form } from './form.ts'
import { conditionWords } from './reply-rule-words.ts'
import { onPress, ResultBox, type ResultLine } from './result-box.ts'

/** The answer of the route; it does not contain the token. */
interface Answer {
  request?: { line: string; headers: Record<string, string> }
  status?: number | null
  reply?: string | null
  ack?: { code?: string } | null
  rule?: string
  action?: string
  elapsedMs?: number
  error?: { code: string; reason: string; hint: string } | null
}

/** What the button needs from the form. */
export interface TestMessageOptions {
  form: Form
  node: EditorNode
  /** The current lists of the form. */
  lists: () => Record<string, unknown>
}

/** The most characters of a reply that are shown. */
const MAX_SHOWN = 10_000

/** Wires the "Send test message" button, which works only if the node is deployed as shown. */
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
    // No letters: no reply was expected, or the rule only warns.
    const good = error === null && ['', 'C'].includes((answer.action ?? '').replace('W', ''))
    const code = answer.ack?.code ?? ''
    const headline =
      error !== null
        ? text('testMessage.failed')
        : code === ''
          ? text(good ? 'testMessage.accepted' : 'testMessage.notAccepted')
          : text(good ? 'testMessage.ack' : 'testMessage.nak', { code })
    const lines: ResultLine[] = [
      [text('testMessage.problem'), error?.code ?? ''],
      [text('testMessage.reason'), error?.reason ?? ''],
      [text('testMessage.hint'), error?.hint ?? ''],
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
 * The id of the running node. In a subflow that is the node of the first instance, whose id
 * Node-RED forms from both ids; undefined if there is no instance.
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

/** What this answer would mean for a message, and which rule says so. */
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

/** Puts each segment on its own line, and shortens a long reply. */
function readable(reply: string): string {
  const lines = reply.slice(0, MAX_SHOWN).replace(/\r\n?/g, '\n')
  return reply.length > MAX_SHOWN ? `${lines} …` : lines
}
