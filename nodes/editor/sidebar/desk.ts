import type { MessageRow, NodeState } from '../../operations/answers.ts'
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
  open: (node: string, message: MessageRow) => void
}

/** Why an action is greyed out for this user; empty if it is not. */
export function refusal(
  { text }: Pick<Speech, 'text'>,
  permission: 'hl7-https-out.write' | 'hl7-https-out.content'
): string {
  return RED.user.hasPermission(permission) ? '' : text('trouble.permission', { permission })
}
