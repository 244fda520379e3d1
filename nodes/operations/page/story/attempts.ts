import { causeWords } from '../../../../src/told.ts'
import type { Text } from '../times.ts'
import type { AttemptRow, MessageStory } from './message-story.ts'

/** An attempt, and which one it was, from 1. */
export type NumberedAttempt = AttemptRow & { n: number }

/** The attempts that are known, and how many there were before them. */
export function attemptsOf({ attempts, attemptList }: MessageStory): {
  earlier: number
  attempts: readonly NumberedAttempt[]
} {
  const earlier = Math.max(0, attempts - attemptList.length)
  return {
    earlier,
    attempts: attemptList.map((attempt, index) => ({ ...attempt, n: earlier + index + 1 }))
  }
}

/** `AE`, `HTTP 503`, `no ACK (200)`, `ECONNREFUSED` */
export function resultWords(result: string, text: Text): string {
  return causeWords(result, (status) => text('phrase.noAck', { status }))
}

/** How long it took: `120 ms`, `1.4 s`. */
export function tookWords(ms: number, text: Text, language: string): string {
  if (ms < 1000) return text('figure.ms', { n: Math.round(ms) })
  const seconds = (ms / 1000).toLocaleString(language, { maximumFractionDigits: 1 })
  return text('age.s', { n: seconds })
}
