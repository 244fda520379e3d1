import type { KnownState } from '../../../src/queue/message-row.ts'
import type { MessageAnswer, MessagePage, NodeState } from '../answers.ts'
import type { MessageFilter } from '../questions.ts'
import { cursorText } from '../cursor.ts'
import type { Frame } from './frame.ts'

/** What can be listed; `followed` is what was sent just now, `queued` is what waits, whether it was tried or not, and `''` is everything. */
export const LISTS = [
  'suspended',
  'queued',
  'awaiting',
  'naked',
  'failed',
  'acked',
  'followed',
  ''
] as const
export type List = (typeof LISTS)[number]

/** Those of messages that have left. */
export const LEFT_LISTS = ['acked', 'naked', 'failed'] as const

/** The states of messages that are being tried; with delivery in order, the others wait for them. */
const TRIED = ['sending', 'retrying'] as const

/** The states of what is listed; of everything none. */
export function statesOf(list: List): readonly KnownState[] {
  if (list === 'queued') return [...TRIED, 'waiting']
  return list === '' || list === 'followed' ? [] : [list]
}

/** So many messages are listed at a time. */
export const LISTED = 100

/** What somebody wants to see of a node. */
export function mostTelling(node: NodeState): List {
  if (node.suspended > 0) return 'suspended'
  return node.queued > 0 ? 'queued' : ''
}

/** Messages that were sent, of which somebody wants to know what becomes of them. */
export function followedPage(
  frame: Frame,
  id: string,
  ids: readonly string[]
): Promise<MessagePage> {
  return frame.ask('messages', { id }, { ids: ids.join(',') })
}

/**
 * A page of a node's messages, newest first; of what waits, those that are being tried come before the others.
 *
 * @param olderThan what it begins after
 */
export async function messagePage(
  frame: Frame,
  id: string,
  list: List,
  filter: MessageFilter,
  olderThan: MessageAnswer | undefined
): Promise<MessagePage> {
  const ask = (state: KnownState | undefined, before?: MessageAnswer): Promise<MessagePage> =>
    frame.ask(
      'messages',
      { id },
      {
        ...(state !== undefined && { state }),
        ...filter,
        ...(before !== undefined && { cursor: cursorText(before, id) }),
        limit: LISTED
      }
    )
  if (list !== 'queued') return ask(statesOf(list)[0], olderThan)
  if (olderThan?.state === 'waiting') return ask('waiting', olderThan)
  const tried = TRIED.map((state) => ask(state, olderThan))
  const pages = await Promise.all([...tried, ask('waiting')])
  // A message that changed its state between two answers is in both.
  const found = new Map(pages.flatMap(({ messages }) => messages.map((row) => [row.id, row])))
  const messages = [...found.values()].sort(
    (one, other) =>
      Number(one.state === 'waiting') - Number(other.state === 'waiting') ||
      Number(other.id) - Number(one.id)
  )
  return {
    messages: messages.slice(0, LISTED),
    more: messages.length > LISTED || pages.some(({ more }) => more)
  }
}

/** The suspended messages that match a filter. */
export interface Matching {
  /** What was counted, and so what is acted on: the fields may say something else by then. */
  filter: MessageFilter
  count: number
  /** There are more than were counted. */
  more: boolean
}
