/**
 * Reads the HTTP statuses of `refreshOnStatus`, which are separated by commas.
 *
 * @returns undefined if one is none
 */
export function readStatuses(text: string): ReadonlySet<number> | undefined {
  const words = text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '')
  return words.every((word) => /^[2-5]\d\d$/.test(word)) ? new Set(words.map(Number)) : undefined
}
