import codes from '../locales/en-US/codes.json' with { type: 'json' }
import type { Codes } from './codes.ts'

interface CauseWords {
  /** What it means: a sentence without its capital and full stop. */
  readonly meaning: string
  /** What to do about it: a whole sentence. */
  readonly remedy: string
}

type Entry = Readonly<Record<'meaning' | 'remedy', string>>

/**
 * What docs/troubleshooting.md says of the cause of an error, as plain text.
 *
 * @param part the table in which it stands there
 * @returns undefined if it is not in that table
 */
export function causeWords(part: keyof Codes['cause'], code: string): CauseWords | undefined {
  const table: Readonly<Record<string, Entry>> = codes.cause[part]
  const entry = Object.entries(table).find(([names]) => names.split(' ').includes(code))
  if (entry === undefined) return undefined
  const [, { meaning, remedy }] = entry
  return { meaning: plain(meaning), remedy: sentence(plain(remedy)) }
}

/** Without Markdown: labels of the form are quoted, and links go to nowhere in a log. */
function plain(text: string): string {
  return text
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/\*([^*]+)\*/g, '"$1"')
    .replaceAll('`', '')
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}
