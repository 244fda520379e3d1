/** What is said of the rows of `src/oauth2/refusal-hints.ts`, in the words of a language. */
import { hintValues } from '../src/oauth2/hint.ts'
import type { RefusalRow } from '../src/oauth2/refusal-hints.ts'
import { textOf, type Texts } from './form-page.ts'

/** An answer that refuses, and what to do about it. */
export interface RefusalEntry {
  row: RefusalRow
  /** The labels and options in it between two marks. */
  hint: string
}

/** The labels of the form are between two of these. */
const MARK = '\u0000'

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
  const marked = (label: string): string => `${MARK}${label}${MARK}`
  const names = hintValues(
    {},
    (key) => marked(textOf(texts, `label.${key}`)),
    (key) => marked(textOf(texts, `option.clientAuth.${key}`))
  )
  const issuer = marked(textOf(texts, 'label.issuer'))
  const tokenEndpoint = marked(textOf(texts, 'label.tokenEndpoint'))
  const values: Record<string, string> = { ...names, field: `${issuer} / ${tokenEndpoint}` }
  return (
    textOf(texts, `tokenHint.${hint}`)
      // What is only known of a request.
      .replace(/ ?[(（][^()（）]*__method__[^()（）]*[)）]/g, '')
      .replace(/ ?__grant__/g, '')
      // A label stands out by itself.
      .replace(/["“„«「]\s?(__\w+__)\s?["”“»」]/g, '$1')
      .replace(/__(\w+?)__/g, (whole, name: string) => values[name] ?? whole)
      .replace(new RegExp(`${MARK}([^${MARK}]*)${MARK}`, 'g'), (_, label: string) => mark(label))
  )
}
