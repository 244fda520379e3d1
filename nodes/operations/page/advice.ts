import type { NodeState } from '../answers.ts'
import { type Speech, told } from './told.ts'

/** What holds a node up, that nothing is lost, and what to do, in a sentence; empty if nothing does. */
export function adviceOf({ advice }: NodeState, speech: Speech): string {
  return advice === null ? '' : told(advice, advice.text, speech)
}
