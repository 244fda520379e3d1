import type { TemplateResult } from 'lit-html'
import type { MessageAnswer, NodeState } from '../answers.ts'
import { printable } from '../../../src/printable.ts'
import { act, button, type Desk, refusal } from './desk.ts'
import { resendAndWait, type Opened } from './resend-one.ts'

/** A field of a form is of no use for a longer text, and Node-RED might refuse it (5 MB, `apiMaxLength`). */
const MOST_CHARACTERS = 1_000_000

/**
 * Replaces the text of a suspended message, and resends it.
 *
 * @param opened the message, while it is open: its text is not shown elsewhere
 */
export function editAction(
  node: NodeState,
  row: MessageAnswer,
  desk: Desk,
  opened: Opened
): TemplateResult {
  return button(desk, {
    id: 'edit-one',
    of: `${node.id} ${row.id}`,
    label: desk.text('button.editOne'),
    why: refusal(desk, 'resendMessage', true),
    press: () => editOne(node, row, desk, opened)
  })
}

async function editOne(
  node: NodeState,
  row: MessageAnswer,
  desk: Desk,
  opened: Opened
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
  for (let isDone = false; !isDone && opened.isOpen();) {
    const consent = await question.ask({
      place: 'message',
      title: text('question.editOne', { controlId, host: node.host }),
      fields: [{ kind: 'lines', name: 'text', label: text('question.editText'), value }],
      confirm: text('button.resendEdited')
    })
    if (consent === undefined) return
    // If Node-RED refuses it, the question is asked again with what was written.
    value = consent.value('text')
    isDone = await resendAndWait(node, row, desk, opened, value)
  }
}
