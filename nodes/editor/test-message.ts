import { requestText } from '../operations/test-outcome.ts'
import { askNodeRed } from './ask-node-red.ts'
import { elementOf } from './element-of.ts'
import type { Form } from './form.ts'
import { prepareFormTest } from './form-test.ts'
import type { OutKey } from '../../src/form-text.ts'
import type { ResultLine } from './result-box.ts'
import { testResult } from './test-result.ts'
import { addTestNodes } from './test-nodes.ts'
import type { LastTest } from './try-rules.ts'
import type { QuestionOf } from '../operations/questions.ts'
import type { TestAnswer } from '../tests/test-result.ts'
import { USUAL_TYPE } from '../tests/test-sample.ts'

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
        if (answer.error) result.show(testResult(answer, text))
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
        result.show(testResult(answer, text))
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
