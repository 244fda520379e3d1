/** Control IDs that somebody has pasted, each once, in the order of the text. */
export interface PastedIds {
  ids: readonly string[]
  /** The text as one control ID, which may have blanks and commas in it: the others count only if nobody knows this one. */
  whole?: string
}

/** Stands for the end of a line in a field that has only one. */
const LINE_END = ' ⏎ '

/** A text of several lines or cells as one line, from which `pastedIds` reads the same. */
export function inOneLine(text: string): string {
  return text.trim().replace(/\s*[\r\n\t]\s*/g, LINE_END)
}

/** Reads control IDs: one a line or cell, or in one line with commas, semicolons or blanks between them. */
export function pastedIds(text: string): PastedIds {
  const lines = partsOf(text, /[\r\n\t⏎]+/)
  const [line = ''] = lines
  if (lines.length !== 1) return { ids: lines }
  const words = partsOf(line, /[,;\s]+/)
  return words.length > 1 ? { ids: words, whole: line } : { ids: lines }
}

function partsOf(text: string, between: RegExp): string[] {
  const parts = text.split(between).map((part) => part.trim())
  return [...new Set(parts.filter(Boolean))]
}
