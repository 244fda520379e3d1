/** So much of a text from outside is shown, in characters. */
const MAX_SHOWN = 300

/** Cuts what comes from outside. */
export function cut(text: string, length = MAX_SHOWN): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text
}
