/** So many characters are kept of what somebody says of what they do. */
export const MOST_REASON = 200

/**
 * One line of limited length, for a text from outside. Characters that could break the line, change
 * the writing direction or cannot be shown become question marks.
 *
 * @param most how many characters
 */
export function printable(text: string, most = 80): string {
  const line = text.slice(0, most + 1).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?')
  return line.length <= most ? line : `${line.slice(0, most - 1)}…`
}

/** The same for a text in sentences: such characters become blanks, and there is one between words. */
export function printableProse(text: string, most = 300): string {
  return printable(text.replace(/[\s\p{C}\p{Zl}\p{Zp}]+/gu, ' ').trim(), most)
}
