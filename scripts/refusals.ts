/** What is said of the rows of `src/oauth2/refusal-hints.ts`, in the words of a language. */
import { fill } from '../src/english.ts'
import { hintValues } from '../src/oauth2/hint.ts'
import type { RefusalRow } from '../src/oauth2/refusal-hints.ts'
import { textOf, type Texts } from './texts.ts'

/** An answer that refuses, and what to do about it. */
export interface RefusalEntry {
  row: RefusalRow
  /** The labels and options in it are marked. */
  hint: string
}

/**
 * The rows of a table, each with its hint.
 *
 * @param mark makes a label of the form stand out
 */
export function refusals(
  table: readonly RefusalRow[],
  texts: Texts,
  mark: (label: string) => string
): RefusalEntry[] {
  return table.map((row) => ({ row, hint: hintText(texts, row, mark) }))
}

function hintText(texts: Texts, { hint }: RefusalRow, mark: (label: string) => string): string {
  const names = hintValues({}, (key) => mark(textOf(texts, key)))
  const field = `${names['issuer']} / ${names['tokenEndpoint']}`
  return fill(textOf(texts, `tokenHint.${hint}`), { ...names, field })
}
