/** Whether the text is an environment variable that Node-RED replaces: `${NAME}`. */
export function isVariable(text: string): boolean {
  return /^\$\{[a-zA-Z_][a-zA-Z0-9_]*\}$/.test(text)
}

/**
 * The host and port of a URL, for a node's label.
 *
 * @returns an empty string if the text is not a URL; an environment variable unchanged
 */
export function hostOf(value: unknown): string {
  if (typeof value !== 'string') return ''
  const text = value.trim()
  if (isVariable(text)) return text
  return URL.canParse(text) ? new URL(text).host : ''
}
