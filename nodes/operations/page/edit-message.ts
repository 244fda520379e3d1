import type { TemplateResult } from 'lit-html'
import type { MessageAnswer, NodeState } from '../answers.ts'
import { MOST_REASON, printable } from '../../../src/printable.ts'
import { act, button, type Desk, whyGrey } from './desk.ts'
import type { Seen } from './question.ts'
import { resendAndWait, type Opened } from './resend-one.ts'
import { notKept } from './send-again.ts'
import { changesBetween } from './story/changes.ts'
import { namedPath } from './story/field-name.ts'
import { linesOf } from './story/hl7-lines.ts'
import { readTexts, type ErrorPlace } from './story/read-texts.ts'
import { hostOf } from './words.ts'

/** A field of a form is of no use for a longer text, and Node-RED might refuse it (5 MB, `apiMaxLength`). */
const MOST_CHARACTERS = 1_000_000
/** So many lines of the text are in sight. */
const ROWS = { least: 8, most: 12 }
/** So many fields that the receiver named are listed. */
const MOST_PLACES = 5

/**
 * Replaces the text of a message, and resends it: of one that is suspended, or was refused or given up.
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
    why:
      whyGrey(desk, 'resendMessage', true) ||
      (row.state === 'suspended' ? '' : notKept(node, desk)),
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
  const isSuspended = row.state === 'suspended'
  const content: { request?: string | null; reply?: string | null } = {}
  const isRead = await act(desk, node, async () => {
    Object.assign(content, await frame.ask('message', params, {}))
  })
  if (!isRead || !opened.isOpen()) return
  // Also if somebody else resends it: what is written is not lost.
  opened.keep()
  const { reply } = content
  const before = content.request ?? ''
  if (before === '' && !isSuspended) {
    say('bad', text('story.gone'), node)
    return
  }
  if (before.length > MOST_CHARACTERS) {
    say('bad', text('trouble.tooLongToEdit'), node)
    return
  }
  const places = readTexts(before, reply ?? '')
    .errors.flatMap((error) => error.places)
    .filter(({ found }) => found !== undefined)
  let value = before.replaceAll('\r', '\n')
  const select = rangeOf(value, places[0])
  let reason = ''
  for (let isDone = false; !isDone && opened.isOpen();) {
    const consent = await question.ask({
      place: 'message',
      title: text(isSuspended ? 'question.editOne' : 'question.editLeft', {
        controlId,
        host: hostOf(node)
      }),
      hints: [
        ...(row.state === 'naked' ? [text('question.toldAlready')] : []),
        ...places.slice(0, MOST_PLACES).map((place) =>
          text('question.namedByReceiver', {
            place: namedPath(place.name, text),
            value: place.value
          })
        )
      ],
      fields: [
        {
          kind: 'lines',
          name: 'text',
          label: text('question.editText'),
          value,
          select,
          // What is said of it, and the buttons, stand below.
          rows: Math.min(ROWS.most, Math.max(ROWS.least, value.split('\n').length + 1))
        },
        {
          kind: 'line',
          name: 'reason',
          label: text('question.editReason'),
          maxLength: MOST_REASON,
          value: reason
        }
      ],
      look: (entered): Promise<Seen> => {
        const changes = changesBetween(before, entered.value('text'), text)
        return Promise.resolve({ words: changes.length === 0 ? [text('change.none')] : changes })
      },
      confirm: text('button.resendEdited')
    })
    if (consent === undefined) return
    // If Node-RED refuses it, the question is asked again with what was written.
    value = consent.value('text')
    reason = consent.value('reason')
    isDone = await resendAndWait(node, row, desk, opened, {
      payload: value,
      ...(reason.trim() !== '' && { reason: reason.trim() })
    })
  }
}

/** Where the field stands in the text that is edited. */
function rangeOf(value: string, place: ErrorPlace | undefined): [number, number] {
  const { found } = place ?? {}
  if (found === undefined) return [0, 0]
  let from = 0
  for (const { number, segment } of linesOf(value)) {
    const at = value.indexOf(segment.text, from)
    if (number === found.line) return [at + found.start, at + found.end]
    from = at + segment.text.length
  }
  return [0, 0]
}
