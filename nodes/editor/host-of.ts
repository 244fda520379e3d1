/** Whether the whole text is one environment variable, as Node-RED replaces it: `${NAME}`. */
export function isVariable(text: string): boolean {
  return /^\$\{[a-zA-Z_][a-zA-Z0-9_]*\}$/.test(text)
}

/**
 * The host with its port, for a node's label.
 *
 * @returns an empty string where the text is no URL; an environment variable is returned as it is
 */
export function hostOf(value: unknown): string {
  if (typeof value !== 'string') return ''
  const text = value.trim()
  if (isVariable(text)) return text
  return URL.canParse(text) ? new URL(text).host : ''
}
