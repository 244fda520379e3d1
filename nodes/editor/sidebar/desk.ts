import type { MessageAnswer, NodeState } from '../../operations/answers.ts'
import { ROUTES, type RouteName } from '../../operations/route-table.ts'
import { requestTrouble } from './asking.ts'
import { Button } from './dom.ts'
import type { QuestionBox } from './question.ts'
import type { Speech } from './told.ts'

/** What the parts of the tab share. */
export interface Desk extends Speech {
  question: QuestionBox
  /** The nodes as they were last seen. */
  nodes: () => readonly NodeState[]
  /** Says what came of an action, for eye and ear. */
  say: (outcome: 'good' | 'bad', words: string) => void
  /** Brings everything up to date. */
  refresh: () => void
  /** Shows a message of a node. */
  open: (node: string, message: MessageAnswer) => void
}

/** Why this user may not ask a route; empty if that is allowed. */
export function refusal({ text }: Pick<Speech, 'text'>, route: RouteName): string {
  const { permission } = ROUTES[route]
  return RED.user.hasPermission(permission) ? '' : text('trouble.permission', { permission })
}

/** A button that says why it is greyed out when somebody presses it. */
export function deskButton(
  { say }: Pick<Desk, 'say'>,
  icon: string,
  press: () => void | Promise<void>
): Button {
  return new Button(icon, press, (why) => {
    say('bad', why)
  })
}

/**
 * Does something that an operator asked for, and brings the tab up to date.
 *
 * @param work says itself what came of it; a refusal by Node-RED is said here
 */
export async function act({ text, say, refresh }: Desk, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    say('bad', requestTrouble(error, text))
  }
  refresh()
}
