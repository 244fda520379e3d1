import type { FirstAnswer, MessageAnswer, NodeState } from '../answers.ts'
import { printable } from '../../../src/printable.ts'
import { sayResent } from './bulk.ts'
import { act, type Desk } from './desk.ts'
import { told } from './told.ts'

/** What can be done with a message that is open. */
export interface Opened {
  /** Whether it still is. */
  isOpen: () => boolean
  /** It stays open, whatever the list lists: somebody waits for what becomes of it, or writes. */
  keep: () => void
}

/**
 * Resends a message, and says what becomes of it; a paused node would only keep it.
 *
 * @param edit a text in place of its own, and why
 * @returns whether it was done
 */
export function resendAndWait(
  node: NodeState,
  row: MessageAnswer,
  desk: Desk,
  opened: Opened,
  edit: { payload?: string; reason?: string } = {}
): Promise<boolean> {
  const { frame, say, text } = desk
  const controlId = printable(row.controlId)
  const isPaused = node.state === 'paused'
  return act(desk, node, async () => {
    const params = { id: node.id, messageId: row.id }
    if (!isPaused) say('good', text('done.oneTrying', { controlId }), node)
    opened.keep()
    const isSuspended = row.state === 'suspended'
    // What somebody else has resent or discarded meanwhile, and has left, is not sent a second time.
    const question = {
      wait: !isPaused,
      ...(isSuspended && { state: 'suspended' as const }),
      ...edit
    }
    const { first } = await frame.ask('resendMessage', params, question)
    if (first) sayResult(desk, node, first)
    else {
      const words = edit.payload === undefined ? 'done.resentOne' : 'done.editedOne'
      sayResent(desk, node, text(words, { controlId }))
    }
  })
}

/** Says what became of the one message that was resent. */
function sayResult(desk: Desk, node: NodeState, first: FirstAnswer): void {
  const { text, say } = desk
  const controlId = printable(first.controlId)
  const reason = told(first, first.reason, desk)
  if (first.outcome === 'ack') {
    say(
      'good',
      text('done.oneAck', { controlId, ackCode: printable(first.ackCode) || 'ACK' }),
      node
    )
  } else if (first.outcome === null) say('bad', `${controlId}: ${reason}`, node)
  else say('bad', text('done.oneNotAck', { controlId, reason }), node)
}
