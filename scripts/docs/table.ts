/** A table in Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = `|${'---|'.repeat(head.length)}`
  const [first, ...others] = [head, ...rows].map((cells) => `| ${cells.join(' | ')} |`)
  return [first, line, ...others].join('\n')
}

/** As code. */
export function inCode(text: string): string {
  return `\`${text}\``
}
