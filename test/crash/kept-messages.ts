import { NO_VERDICT, type Verdict } from '../../src/queue/message-row.ts'
import { generator } from '../support/random.ts'

// What the killed process and its parent both know of the messages: all of it follows from their numbers.

const MB = 1024 * 1024

/** The queues of the process: each keeps something else of messages that have left. */
export const QUEUES = {
  contents: { journalDays: 14, contentDays: 1, mostKeptBytes: 4 * MB },
  names: { journalDays: 14, contentDays: 0, mostKeptBytes: 0 },
  nothing: { journalDays: 0, contentDays: 0, mostKeptBytes: 0 }
} as const

export type QueueName = keyof typeof QUEUES

export const QUEUE_NAMES = Object.keys(QUEUES) as QueueName[]

/** What becomes of a message: it leaves in one step or in two, is tried again later, or is suspended. */
export type Fate = 'leaves' | 'leaves with an outcome' | 'waits' | 'is suspended'

/** What the process notes of a message: begun before it asks for it, and done once that is stored. */
export const NOTES = ['accepted', 'suspends', 'suspended', 'leaves', 'leaves late', 'left'] as const

export type Note = (typeof NOTES)[number]

export const ACKED: Verdict = { ...NO_VERDICT, outcome: 'ack' }

/** From 1 kB to 2 MB, most of them short. */
export function contentOf(seq: number): Buffer {
  const bytes = Math.round(1000 * 2000 ** generator(seq)())
  return Buffer.alloc(bytes, `content ${seq} `)
}

/** One in eight is long. */
export function outcomeOf(seq: number): { text: string } {
  const text = `outcome ${seq} `
  return { text: seq % 8 === 0 ? text.repeat(50_000) : text }
}

export function fateOf(seq: number): Fate {
  const random = generator(-seq)()
  if (random < 0.05) return 'waits'
  if (random < 0.1) return 'is suspended'
  return random < 0.55 ? 'leaves' : 'leaves with an outcome'
}
