/** A queue that cannot be used, or a message in it: the text names the file and says what to do. */
export class QueueError extends Error {
  override readonly name = 'QueueError'
  /** A Node.js or SQLite code, such as `ENOSPC` or `SQLITE_CORRUPT`, or one of ours, such as `ERR_NOT_QUEUED`. */
  readonly code: string
  /** The one message that it is about. */
  readonly about: MessageName | undefined

  constructor(message: string, code: string, about?: MessageName) {
    super(message)
    this.code = code
    this.about = about
  }
}

/** What an error may say of its message. */
export interface MessageName {
  controlId: string
  type: string
}
