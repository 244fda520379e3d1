import type { Key, Values } from '../../../src/english.ts'
import { printable } from '../../../src/printable.ts'
import type { MessageAnswer, NodeState } from '../answers.ts'
import type { MessageFilter, QuestionOf } from '../questions.ts'
import type { RouteName } from '../route-table.ts'
import type { Desk } from './desk.ts'
import { LEFT_LISTS, type List, type Matching } from './message-query.ts'
import type { Entered, Question, QuestionPlace } from './question.ts'
import { hostOf } from './words.ts'

/**
 * Where the button of an action stands: at the node; at the messages that are ticked, or match what was entered, or
 * have left, or at any list; or at the message that is open.
 */
export type ActionPlace = 'node' | 'chosen' | 'matching' | 'left' | 'listed' | 'message'

/** What an action is done to: a node, and which messages of it. */
export interface On {
  node: NodeState
  /** Beside which buttons it is asked for. */
  place: QuestionPlace
  /** The messages that are ticked, or the one that is open; none where a filter says which. */
  rows: readonly MessageAnswer[]
  /** Which messages, how many they were when they were counted, and in words. */
  which: QuestionOf<'suspendMessages'>
  count: number
  counted: string
  /** When it was drawn, on the clock of the runtime: what has come since was not counted. */
  at: number
  /** What is listed. */
  list: List
  filter: MessageFilter
  /** The message, while it is open. */
  opened?: Opened
  /** What was ticked is of an earlier time. */
  done: () => void
}

/** What can be done with a message that is open. */
export interface Opened {
  /** Whether it still is. */
  isOpen: () => boolean
  /** It stays open, whatever the list lists: somebody waits for what becomes of it, or writes. */
  keep: () => void
  /** Its text, too. */
  show: () => Promise<void>
}

/** Something that can be done, with a button. Its words are under its name: `button`, `question`, `done`. */
export interface Action {
  place: ActionPlace
  /** What it asks Node-RED for, and so the permission without which it is gray. */
  route?: RouteName
  /** It shows the text of a message, or replaces it. */
  withText?: true
  /** Of its button, if it takes turns with another action. */
  id?: string
  isShown?: (on: On, desk: Desk) => boolean
  /** What is pressed most often. */
  isFirst?: (on: On) => boolean
  /** Why it cannot be done now; empty if it can. */
  why?: (on: On, desk: Desk) => string
  label?: (on: On) => Key<'tab'>
  /** For its words, in place of those of what it is done to. */
  values?: (on: On, desk: Desk) => Values
  /** What is asked besides its question; undefined: nothing is asked. */
  asks?: (on: On, desk: Desk) => Partial<Question> | undefined
  /** @returns for the words that it is done; nothing if it has said so itself */
  work: (on: On, desk: Desk, entered: Entered) => Promise<Values | undefined>
}

/** What the words of every action may name. */
export function valuesOf({ node, count, counted, filter, rows }: On, { name }: Desk): Values {
  return {
    name: name(node.id),
    host: hostOf(node),
    count,
    n: counted,
    filter: Object.values(filter).join(', '),
    controlId: printable(rows[0]?.controlId ?? '')
  }
}

/** Of a node: all that is suspended. */
export function onNode(node: NodeState, { now }: Desk): On {
  return {
    node,
    place: 'node',
    rows: [],
    which: { all: true },
    count: node.suspended,
    counted: String(node.suspended),
    at: now(),
    list: '',
    filter: {},
    done: () => undefined
  }
}

/**
 * Messages that are ticked, or the one that is open.
 *
 * @param done they were sent again: nothing is ticked any longer
 */
export function onRows(
  on: On,
  place: QuestionPlace,
  rows: readonly MessageAnswer[],
  done: () => void = on.done
): On {
  const ids = rows.map(({ id }) => id)
  const which = { ids, ...(rows.every(waits) && { state: 'waiting' as const }) }
  const count = rows.length
  return { ...on, place, rows, which, count, counted: String(count), done }
}

/** All suspended messages that match what was entered. */
export function onMatching(on: On, { count, filter, more }: Matching): On {
  const counted = `${count}${more ? '+' : ''}`
  return { ...on, place: 'messages', which: filter, filter, count, counted }
}

/** Still in the queue: to be sent, on its way, or retried. */
const WAITS: readonly string[] = ['waiting', 'sending', 'retrying']

export function waits({ state }: MessageAnswer): boolean {
  return WAITS.includes(state)
}

export function isSuspended({ state }: MessageAnswer): boolean {
  return state === 'suspended'
}

/** Whether all that an action is done to has left. */
export function haveLeft({ list, rows }: On): boolean {
  return rows.length > 0 ? rows.every(hasLeft) : LEFT_LISTS.some((one) => one === list)
}

export function hasLeft({ state }: Pick<MessageAnswer, 'state'>): boolean {
  return state === 'left' || LEFT_LISTS.some((one) => one === state)
}

/** Why nothing of a node can be sent again; empty if something can. */
export function notKept({ node }: On, { text }: Desk): string {
  return node.contentDays === 0 ? text('trouble.contentsNotKept') : ''
}
