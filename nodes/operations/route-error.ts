import { english, type Key, type Values } from '../../src/english.ts'

/** A refused request. The message says why, and the caller sees it. */
export class RouteError extends Error {
  /** Of HTTP. */
  readonly status: 400 | 403 | 404 | 409 | 415 | 429 | 503

  constructor(status: RouteError['status'], text: string) {
    super(text)
    this.status = status
  }
}

/** The same, with a text of the catalogue. */
export function refused(
  status: RouteError['status'],
  key: Extract<Key<'log'>, `refusal.${string}`>,
  values?: Values
): RouteError {
  return new RouteError(status, english('log', key, values))
}
