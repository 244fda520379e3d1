import type { MessageContent, StoryRow } from '../../answers.ts'
import { clockTime } from '../times.ts'
import { byWhom, told, type Speech } from '../told.ts'

/** A line of the story. */
export interface Happening {
  /** ISO 8601, UTC; null if it has no time of its own. */
  at: string | null
  words: string
}

/** What happened to a message, oldest first. */
export function happenings({ story }: MessageContent, speech: Speech): Happening[] {
  return story.map((row) => ({ at: row.at, words: sentence(row, speech) }))
}

function sentence({ by, kind, text, values }: StoryRow, speech: Speech): string {
  const { acceptedAt } = values
  const { language, now } = speech
  const said =
    acceptedAt === undefined
      ? values
      : { ...values, acceptedAt: clockTime(String(acceptedAt), now(), language, true) }
  // That a rule did it is in the words.
  const who = by === 'rule' ? '' : byWhom(by, speech)
  return [told({ kind, values: said }, text, speech), who].filter(Boolean).join(' · ')
}
