import { byText, toldText, type Told } from '../../../src/told.ts'
import type { Text } from './times.ts'

/** So much of a text from outside is shown, in characters. */
const MAX_SHOWN = 300

/** How the tab says things: the texts of a language, and what time it is. */
export interface Speech {
  text: Text
  language: string
  /** Wall clock of the runtime, milliseconds. */
  now: () => number
}

/** Cuts what comes from outside. */
export function cut(text: string, length = MAX_SHOWN): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text
}

/**
 * The words of this language for what the runtime told, or its own English ones for a kind that
 * there are none for: the runtime may be newer than a page that has been open for days.
 */
export function told(what: Told, english: string, { text }: Speech): string {
  const found = toldText(what, text)
  return cut(found.startsWith('told.') ? english : found)
}

/** Who did something, in words; an empty string if nobody is known. */
export function byWhom(by: string, { text }: Speech): string {
  return byText(cut(by, 80), text)
}
