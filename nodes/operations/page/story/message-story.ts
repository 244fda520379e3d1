import type { Told } from '../../../../src/told.ts'
import type { MessageAnswer } from '../../answers.ts'

/** One attempt, in codes. */
export interface AttemptRow {
  /** When it began: ISO 8601, UTC. */
  at: string
  /** How long it took, in milliseconds. */
  ms: number
  /** MSA-1, an HTTP status, or the code of an error. */
  result: string
}

/** What happened to a message, or was done to it. */
export interface StoryRow extends Told {
  /** ISO 8601, UTC; null if it is not known. */
  at: string | null
  /** A user name, `flow`, `rule`, or `''`. */
  by: string
  /** English, of `kind` and `values`. */
  text: string
}

/** A message, what happened to it, and its text. */
export interface MessageStory extends MessageAnswer {
  /** The newest, oldest first. */
  attemptList: readonly AttemptRow[]
  /** Oldest first. */
  story: readonly StoryRow[]
  /** HL7 text, CR-separated; null if it is no longer kept; absent without the permission. */
  request?: string | null
  reply?: string | null
}
