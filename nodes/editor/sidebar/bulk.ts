import type { NodeState } from '../../operations/answers.ts'
import type { Selection } from '../../operations/questions.ts'
import { askNodeRed } from '../ask-node-red.ts'
import { act, type Desk } from './desk.ts'

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
    const firstAlone = mayTry && consent.checked
    const { found } =
      action === 'discard'
        ? await askNodeRed('discardMessages', { id }, which)
        : await askNodeRed('resendMessages', { id }, { ...which, firstAlone })
    say('good', text(action === 'resend' ? 'done.resent' : 'done.discarded', { count: found }))
  })
}
