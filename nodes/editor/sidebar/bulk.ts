import type { FirstAnswer, NodeState } from '../../operations/answers.ts'
import type { Selection } from '../../operations/questions.ts'
import { askNodeRed } from '../ask-node-red.ts'
import { act, type Desk } from './desk.ts'
import { cut, told } from './told.ts'

export interface Bulk {
  action: 'resend' | 'discard'
  /** Which suspended messages, and how many they were when they were counted. */
  which: Selection
  count: number
  title: string
  /** On the button that does it. */
  confirm: string
}

/** Resends or discards suspended messages of a node. To resend a single one needs no question. */
export async function actOnMany(
  desk: Desk,
  node: NodeState,
  { action, which, count, title, confirm }: Bulk
): Promise<void> {
  const { text, question, say } = desk
  const mayTry = action === 'resend' && count > 1
  const consent =
    action === 'resend' && count === 1
      ? { checked: false }
      : await question.ask({
          title,
          confirm,
          ...(mayTry ? { check: text('question.firstAlone') } : {})
        })
  if (consent === undefined) return
  await act(desk, async () => {
    const { id } = node
    if (action === 'discard') {
      const { found } = await askNodeRed('discardMessages', { id }, which)
      say('good', text('done.discarded', { count: found }))
      return
    }
    const firstAlone = mayTry && consent.checked
    if (firstAlone) say('good', text('done.trying'))
    const answer = await askNodeRed('resendMessages', { id }, { ...which, firstAlone })
    if (answer.first) sayTried(desk, answer.first, answer.resent ?? 0)
    else say('good', text('done.resent', { count: answer.found }))
  })
}

/** What became of the message that went first, and so of the others. */
function sayTried(desk: Desk, first: FirstAnswer, resent: number): void {
  const { text, say } = desk
  const controlId = cut(first.controlId, 80)
  const reason = told(first, first.reason, desk)
  if (first.outcome === 'ack') {
    say('good', text('done.firstAck', { controlId, count: resent - 1 }))
  } else if (first.outcome === null) say('bad', `${controlId}: ${reason}`)
  else say('bad', text('done.firstNotAck', { controlId, reason }))
}
