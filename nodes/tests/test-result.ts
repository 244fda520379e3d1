/** What a test message showed. */
export interface TestMessageResult {
  /** As it is sent, without secrets. Absent if it could not be built. */
  request?: { line: string; headers: Record<string, string>; body: string }
  /** The sample that was sent, as HL7 text. */
  message?: string
  status: number | null
  /** The content type of the reply. */
  replyType?: string
  /** The whole body of the reply as text. */
  reply: string | null
  ack: { code: string; text: string; errors: readonly AckErrorAnswer[] } | null
  rule: string
  action: string
  /**
   * A message like this would be retried until then: until the receiver or the token server can be
   * reached (an outage does not count towards the failure timeout), until the failure timeout, or, if
   * there is none, until another answer. Null: it would not be retried.
   */
  retriedUntil: 'receiver' | 'tokenServer' | 'timeout' | 'answered' | null
  elapsedMs: number
  /** Why there was no HL7 reply, and what to do. */
  error: {
    code: string
    reason: string
    hint: string
    /** Environment variables that have no value. */
    unset?: readonly string[]
  } | null
  /** What the backup made of a sample of its own; absent if there is none. */
  backup?: BackupResult
}

export interface BackupResult {
  /** Host and port. */
  host: string
  status: number | null
  /** MSA-1; `''` without an acknowledgement. */
  ackCode: string
  error: TestMessageResult['error']
}

/** One ERR of the reply. */
export interface AckErrorAnswer {
  location: string
  code: string
  codeText: string
  severity: string
  diagnostic: string
  userMessage: string
}

/** What a test answers: of settings that cannot work, only `error`. */
export type TestAnswer = Partial<TestMessageResult>
