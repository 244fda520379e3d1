import type { BulkAnswer, FirstAnswer, NodeState } from '../answers.ts'
import type { QuestionOf } from '../questions.ts'
import { printable } from '../../../src/printable.ts'
import { act, type Desk, type SaidMore } from './desk.ts'
import type { Field, QuestionPlace } from './question.ts'
import type { Text } from './times.ts'
import { told } from './told.ts'

export interface Bulk {
  action: 'resend' | 'suspend' | 'discard'
  /** Beside which buttons it is asked for. */
  place: QuestionPlace
  /** Which messages, and how many they were when they were counted. */
  which: QuestionOf<'suspendMessages'>
  count: number
  title: string
  /** On the button that does it. */
  confirm: string
}

/** Resends or discards messages of a node. To resend a single one needs no question. */
export async function actOnMany(
  desk: Desk,
  node: NodeState,
  { action, place, which, count, title, confirm }: Bulk
): Promise<void> {
  const { text, question, say, frame } = desk
  const asked = new Date(desk.now()).toISOString()
  const isPaused = node.state === 'paused'
  // A paused node sends nothing, so the outcome of the first would not be known.
  const mayTry = action === 'resend' && count > 1 && !isPaused
  const isAsked = action !== 'resend' || count > 1
  const consent = isAsked
    ? await question.ask({
        place,
        title,
        confirm,
        fields: mayTry ? [firstAloneField(text)] : []
      })
    : undefined
  if (isAsked && consent === undefined) return
  await act(desk, node, async () => {
    const { id } = node
    if (action !== 'resend') {
      const answer = await (action === 'suspend'
        ? frame.ask('suspendMessages', { id }, which)
        : // What has been suspended since was not among those that were counted.
          frame.ask(
            'discardMessages',
            { id },
            { ...which, ...(which.ids === undefined && { before: asked }) }
          ))
      const kind = action === 'discard' ? 'discarded' : 'suspended'
      say('good', takenOutWords(answer, text(`done.${kind}`, { count: answer.found }), desk), node)
      return
    }
    const firstAlone = consent?.isChecked('first') === true
    if (firstAlone) say('good', text('done.trying'), node)
    const how = { firstAlone, follow: true }
    // What somebody else has resent meanwhile, and has left, is not sent a second time.
    const suspended = { ...which, state: 'suspended' as const }
    const answer = await frame.ask('resendMessages', { id }, { ...suspended, ...how })
    if ('withContent' in answer) return
    const { ids } = answer
    if (answer.first) sayTried(desk, node, answer.first, answer.resent ?? 0, { ids })
    else sayResent(desk, node, text('done.resent', { count: answer.found }), { ids })
  })
}

/** One first: the others follow if it is accepted. */
export function firstAloneField(text: Text): Field {
  return { kind: 'check', name: 'first', label: text('question.firstAlone'), value: true }
}

/** What became of them, and that those on their way follow. */
function takenOutWords({ inFlight = 0 }: BulkAnswer, words: string, { text }: Desk): string {
  const more = inFlight === 0 ? '' : text('done.following', { count: inFlight })
  return [words, more].filter(Boolean).join(' ')
}

/** Says what is back in the queue, and that it stays there while the node is paused. */
export function sayResent(
  { say, text }: Desk,
  node: NodeState,
  words: string,
  sent: SaidMore = {}
): void {
  const more = node.state === 'paused' ? text('done.whenResumed') : ''
  say('good', [words, more].filter(Boolean).join(' '), node, sent)
}

/** What became of the message that went first, and so of the others. */
export function sayTried(
  desk: Desk,
  node: NodeState,
  first: FirstAnswer,
  resent: number,
  more: SaidMore,
  others: 'done.firstNotAck' | 'done.firstAgainNotAck' = 'done.firstNotAck'
): void {
  const { text, say } = desk
  const controlId = printable(first.controlId)
  const reason = told(first, first.reason, desk)
  if (first.outcome === 'ack') {
    say('good', text('done.firstAck', { controlId, count: resent - 1 }), node, more)
  } else if (first.outcome === null) say('bad', `${controlId}: ${reason}`, node, more)
  else say('bad', text(others, { controlId, reason }), node, more)
}
