/** The words of an error, for a status or the log. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : 'an unknown fault'
}
