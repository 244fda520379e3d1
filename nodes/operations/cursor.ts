/** A place in a list of messages, newest first: the message after which the next rows begin. */
export interface Cursor {
  /** When it was accepted, in milliseconds since 1970. */
  at: number
  /** Its node: of several that were accepted at the same time, the one whose id comes first is first. */
  node: string
  /** Its number there. */
  number: number
}

/** As an answer has it, and a request gives it back: time, node and number. */
export function cursorText(
  { acceptedAt, id }: { acceptedAt: string; id: string },
  node: string
): string {
  return [acceptedAt, node, id].join(',')
}

/** @returns undefined if it is none */
export function cursorIn(text: string): Cursor | undefined {
  const [, time = '', node = '', number = ''] = /^([^,]+),([^,]+),(\d{1,15})$/.exec(text) ?? []
  const at = Date.parse(time)
  return Number.isNaN(at) ? undefined : { at, node, number: Number(number) }
}
