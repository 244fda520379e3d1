import type { TemplateResult } from 'lit-html'
import type { MessageAnswer, NodeState } from '../answers.ts'
import { sayResent } from './bulk.ts'
import { printable } from '../../../src/printable.ts'
import { act, button, type Desk, refusal } from './desk.ts'

/** A field of a form is of no use for a longer text, and Node-RED might refuse it (5 MB, `apiMaxLength`). */
const MOST_CHARACTERS = 1_000_000

/**
 * Replaces the text of a suspended message, and resends it.
 *
 * @param isOpen whether that message is still open: its text is not shown elsewhere
 */
export function editAction(
  node: NodeState,
  row: MessageAnswer,
  desk: Desk,
  isOpen: () => boolean
): TemplateResult {
  return button(desk, {
    id: 'edit-one',
    of: `${node.id} ${row.id}`,
    label: desk.text('button.editOne'),
    why: refusal(desk, 'resendMessage', true),
    press: () => editOne(node, row, desk, isOpen)
  })
}

async function editOne(
  node: NodeState,
  row: MessageAnswer,
  desk: Desk,
  isOpen: () => boolean
): Promise<void> {
  const { frame, question, say, text } = desk
  const params = { id: node.id, messageId: row.id }
  const controlId = printable(row.controlId)
  let stored = ''
  const isRead = await act(desk, node, async () => {
    stored = (await frame.ask('message', params, {})).request ?? ''
  })
  if (!isRead) return
  if (stored.length > MOST_CHARACTERS) {
    say('bad', text('trouble.tooLongToEdit'), node)
    return
  }
  let value = stored.replaceAll('\r', '\n')
  for (let isDone = false; !isDone && isOpen();) {
    const consent = await question.ask({
      place: 'message',
      title: text('question.editOne', { controlId, host: node.host }),
      field: { label: text('question.editText'), lines: value },
      confirm: text('button.resendEdited')
    })
    if (consent === undefined) return
    // If Node-RED refuses it, the question is asked again with what was written.
    value = consent.text
    isDone = await act(desk, node, async () => {
      await frame.ask('resendMessage', params, { payload: value })
      sayResent(desk, node, text('done.editedOne', { controlId }))
    })
  }
}
