import { printable } from '../../../src/printable.ts'
import type { FirstAnswer, NodeState } from '../answers.ts'
import { isSuspended, type On } from './action.ts'
import type { Desk, SaidMore } from './desk.ts'
import type { Entered, Field, Question } from './question.ts'
import type { Text } from './times.ts'
import { told } from './told.ts'

/** To resend a single one needs no question; a paused node sends nothing, so the outcome of the first would not be known. */
export function firstAsked(
  { count, node }: On,
  { text }: Desk,
  confirm?: string
): Partial<Question> | undefined {
  if (count < 2) return undefined
  const fields = node.state === 'paused' ? [] : [firstAloneField(text)]
  return { fields, ...(confirm !== undefined && { confirm }) }
}

/** One first: the others follow if it is accepted. */
export function firstAloneField(text: Text): Field {
  return { kind: 'check', name: 'first', label: text('question.firstAlone'), value: true }
}

/** Resends suspended messages. */
export async function resendMany(
  { node, which }: On,
  desk: Desk,
  entered: Entered
): Promise<undefined> {
  const { frame, say, text } = desk
  const firstAlone = entered.isChecked('first')
  if (firstAlone) say('good', text('done.trying'), node)
  // What somebody else has resent meanwhile, and has left, is not sent a second time.
  const suspended = { ...which, state: 'suspended' as const }
  const how = { firstAlone, follow: true }
  const answer = await frame.ask('resendMessages', { id: node.id }, { ...suspended, ...how })
  if ('withContent' in answer) return
  const { ids } = answer
  if (answer.first) sayTried(desk, node, answer.first, answer.resent ?? 0, { ids })
  else sayResent(desk, node, text('done.resent', { count: answer.found }), { ids })
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
  const accepted = desk.text('done.firstAck', {
    controlId: printable(first.controlId),
    count: resent - 1
  })
  sayFirst(desk, node, first, { accepted, others, more })
}

function sayFirst(
  desk: Desk,
  node: NodeState,
  first: FirstAnswer,
  {
    accepted,
    others,
    more = {}
  }: {
    accepted: string
    others: 'done.firstNotAck' | 'done.firstAgainNotAck' | 'done.oneNotAck'
    more?: SaidMore
  }
): void {
  const { say, text } = desk
  const controlId = printable(first.controlId)
  const reason = told(first, first.reason, desk)
  if (first.outcome === 'ack') say('good', accepted, node, more)
  else if (first.outcome === null) say('bad', `${controlId}: ${reason}`, node, more)
  else say('bad', text(others, { controlId, reason }), node, more)
}

/** Resends the message that is open, or sends it again, and says what becomes of it; a paused node would only keep it. */
export async function resendOne(
  { node, opened, rows }: On,
  desk: Desk,
  _: Entered,
  edit: { payload?: string; reason?: string } = {}
): Promise<undefined> {
  const { frame, say, text } = desk
  const [row] = rows
  if (row === undefined) return
  const values = { controlId: printable(row.controlId) }
  const wait = node.state !== 'paused'
  if (wait) say('good', text('done.oneTrying', values), node)
  opened?.keep()
  // What somebody else has resent or discarded meanwhile, and has left, is not sent a second time.
  const state = isSuspended(row) ? { state: 'suspended' as const } : {}
  const params = { id: node.id, messageId: row.id }
  const { first, sent } = await frame.ask('resendMessage', params, { wait, ...state, ...edit })
  // Of one that had left, a new message goes.
  const ids = sent === row.id ? [] : [sent]
  if (first) {
    const ackCode = printable(first.ackCode) || 'ACK'
    const accepted = text('done.oneAck', { controlId: printable(first.controlId), ackCode })
    sayFirst(desk, node, first, { accepted, others: 'done.oneNotAck', more: { ids } })
  } else {
    const done = edit.payload === undefined ? 'done.resentOne' : 'done.editedOne'
    sayResent(desk, node, text(done, values), { ids })
  }
  // One that was edited stays open: the new text may be compared.
  const isPlain = edit.payload === undefined && opened?.isOpen() === true
  if (isPlain) desk.follow(node, ids, row.id)
}

/** Sets messages aside, or discards them: suspended ones, or such that wait. */
export async function takeOut(
  action: 'suspend' | 'discard',
  { at, node, opened, rows, which }: On,
  { frame, say, text }: Desk
): Promise<undefined> {
  opened?.keep()
  const { id } = node
  // What has been suspended since was not among those that were counted.
  const before = which.ids === undefined ? { before: new Date(at).toISOString() } : {}
  const { found: count, inFlight = 0 } =
    action === 'suspend'
      ? await frame.ask('suspendMessages', { id }, which)
      : await frame.ask('discardMessages', { id }, { ...which, ...before })
  const done = action === 'suspend' ? 'suspended' : 'discarded'
  if (opened === undefined) {
    const more = inFlight === 0 ? '' : text('done.following', { count: inFlight })
    say('good', [text(`done.${done}`, { count }), more].filter(Boolean).join(' '), node)
  } else if (count === 0) say('bad', text('trouble.notHeld'), node)
  else {
    const controlId = printable(rows[0]?.controlId ?? '')
    say('good', text(inFlight > 0 ? 'done.followsOne' : `done.${action}One`, { controlId }), node)
  }
}
