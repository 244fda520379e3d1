import codes from '../locales/en-US/codes.json' with { type: 'json' }
import type { Codes } from './codes.ts'

interface CauseWords {
  /** What it means: a sentence without its capital and full stop. */
  readonly meaning: string
  /** What to do about it: a whole sentence. */
  readonly remedy: string
}

type Part = keyof Codes['cause']

/**
 * What docs/troubleshooting.md says of the cause of an error, as plain text; but for what it says besides.
 *
 * @param part the table in which it stands there
 * @returns undefined if it is not in that table
 */
export function causeWords(part: Part, code: string): CauseWords | undefined {
  const entry = find(part, code)
  return entry && { meaning: entry.meaning, remedy: sentence(entry.remedy) }
}

/** The same in one sentence, such as "The receiver failed: ask its operator to check its log." */
export function causeSentence(part: Part, code: string): string | undefined {
  const entry = find(part, code)
  if (entry === undefined) return undefined
  const { meaning, remedy } = entry
  return sentence(remedy === 'nothing' ? meaning : `${meaning}: ${remedy}`)
}

function find(part: Part, code: string): CauseWords | undefined {
  const table: Readonly<Record<string, CauseWords>> = codes.cause[part]
  const [, entry] = Object.entries(table).find(([names]) => names.split(' ').includes(code)) ?? []
  return entry && { meaning: plain(entry.meaning), remedy: plain(entry.remedy) }
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
