import type { TemplateResult } from 'lit-html'
import type { MessageAnswer, NodeState } from '../answers.ts'
import { sayResent } from './bulk.ts'
import { cut } from './cut.ts'
import { act, button, type Desk, refusal } from './desk.ts'

/** What shows the texts. */
const CONTENT = 'hl7-https-out.content'

/** A longer text is none for a field of a form, and Node-RED would refuse it (5 MB, `apiMaxLength`). */
const MOST_CHARACTERS = 1_000_000

/** Replaces the text of a suspended message, and resends it. */
export function editAction(node: NodeState, row: MessageAnswer, desk: Desk): TemplateResult {
  const { frame, text } = desk
  const mayRead = frame.may(CONTENT) ? '' : text('trouble.permission', { permission: CONTENT })
  return button(desk, {
    id: 'edit-one',
    label: text('button.editOne'),
    why:
      refusal(desk, 'resendMessage') ||
      mayRead ||
      (row.state === 'suspended' ? '' : text('trouble.notSuspended')),
    press: () => editOne(node, row, desk)
  })
}

async function editOne(node: NodeState, row: MessageAnswer, desk: Desk): Promise<void> {
  const { frame, question, say, text } = desk
  const params = { id: node.id, messageId: row.id }
  const controlId = cut(row.controlId, 80)
  let stored = ''
  const isRead = await act(desk, async () => {
    stored = (await frame.ask('message', params, {})).request ?? ''
  })
  if (!isRead) return
  if (stored.length > MOST_CHARACTERS) {
    say('bad', text('trouble.tooLongToEdit'))
    return
  }
  let value = stored.replaceAll('\r', '\n')
  for (let isDone = false; !isDone;) {
    const consent = await question.ask({
      place: 'message',
      title: text('question.editOne', { controlId, host: node.host }),
      lines: { label: text('question.editText'), value },
      confirm: text('button.resendEdited')
    })
    if (consent === undefined) return
    // If it is refused, what was written is not lost.
    value = consent.text
    isDone = await act(desk, async () => {
      await frame.ask('resendMessage', params, { payload: value })
      sayResent(desk, node, text('done.editedOne', { controlId }))
    })
  }
}
