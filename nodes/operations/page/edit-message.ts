import { MOST_REASON } from '../../../src/printable.ts'
import { isSuspended, type On, valuesOf } from './action.ts'
import { act, type Desk } from './desk.ts'
import type { Seen } from './question.ts'
import { resendOne } from './resend.ts'
import { changesBetween } from './story/changes.ts'
import { namedPath } from './story/field-name.ts'
import { linesOf } from './story/hl7-lines.ts'
import { readTexts, type ErrorPlace } from './story/read-texts.ts'

/** A field of a form is of no use for a longer text, and Node-RED might refuse it (5 MB, `apiMaxLength`). */
const MOST_CHARACTERS = 1_000_000
/** So many lines of the text are in sight. */
const ROWS = { least: 8, most: 12 }
/** So many fields that the receiver named are listed. */
const MOST_PLACES = 5

/** Replaces the text of the message that is open, and resends it: of one that is suspended, or was refused or given up. */
export async function editMessage(on: On, desk: Desk): Promise<undefined> {
  const { frame, question, say, text } = desk
  const { node, opened, place, rows } = on
  const [row] = rows
  if (row === undefined || opened === undefined) return
  const isHeld = isSuspended(row)
  const { reply, request } = await frame.ask('message', { id: node.id, messageId: row.id }, {})
  if (!opened.isOpen()) return
  // Also if somebody else resends it: what is written is not lost.
  opened.keep()
  const before = request ?? ''
  if (before === '' && !isHeld) {
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
      place,
      title: text(isHeld ? 'question.editOne' : 'question.editLeft', valuesOf(on, desk)),
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
    const edit = { payload: value, ...(reason.trim() !== '' && { reason: reason.trim() }) }
    isDone = await act(desk, node, () => resendOne(on, desk, consent, edit))
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
