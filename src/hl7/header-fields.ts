import { readSeparators } from './segments.ts'

/**
 * A text with other fields in its headers (MSH, BHS, FHS). Blanks before a name count for nothing, as for any segment.
 *
 * @param text CR-separated
 * @param change takes the name of a header and its parts, of which the first is the name: so MSH-10 is at index 9
 */
export function withHeaderFields(
  text: string,
  change: (name: string, fields: string[]) => string[]
): string {
  return text
    .split('\r')
    .map((line) => {
      const segment = line.replace(/^[ \t]+/, '')
      if (readSeparators(segment) === null) return line
      const separator = segment.charAt(3)
      const fields = change(segment.slice(0, 3), segment.split(separator))
      return line.slice(0, line.length - segment.length) + fields.join(separator)
    })
    .join('\r')
}
