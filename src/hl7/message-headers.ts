import { parsePath } from './path.ts'
import type { Segment, Segments } from './segments.ts'

/** What the header segments of a message, batch or file say. */
export interface MessageHeaders {
  /**
   * Every FHS-11, BHS-11 and MSH-10 that is not blank, then the first components of those that have several. Without
   * trailing blanks, like `controlId`.
   */
  readonly controlIds: readonly string[]
  /** The whole first MSH-10; of a batch FHS-11, else BHS-11, else the first MSH-10. `''` if there is none. */
  readonly controlId: string
  /** Every FHS and BHS as it is sent. */
  readonly batchHeaders: readonly string[]
  /** The first two components of the first MSH-9: `ADT^A01`; `''` in a file without messages. */
  readonly type: string
  /** The first MSH-12. */
  readonly version: string
  /** Whether success brings an acknowledgement: not if that is so for none of its messages. */
  readonly replyDue: boolean
}

const paths = {
  type: parsePath('MSH-9.1'),
  trigger: parsePath('MSH-9.2'),
  messageId: parsePath('MSH-10'),
  batchId: parsePath('BHS-11'),
  fileId: parsePath('FHS-11'),
  version: parsePath('MSH-12'),
  acceptAck: parsePath('MSH-15'),
  applicationAck: parsePath('MSH-16')
}

/** Reads the header segments among these. */
export function readHeaders(segments: Segments): MessageHeaders {
  const messages = segments.named('MSH')
  const [files, batches] = [segments.named('FHS'), segments.named('BHS')]
  const idFields = [
    ...files.map((segment) => ({ segment, path: paths.fileId })),
    ...batches.map((segment) => ({ segment, path: paths.batchId })),
    ...messages.map((segment) => ({ segment, path: paths.messageId }))
  ]
  const wholeIds = idFields.map(({ segment, path }) => segment.bareText(path.field))
  const firstComponents = idFields.map(({ segment, path }) => segment.bareValue(path))
  const [first] = messages
  const trigger = first?.bareValue(paths.trigger) ?? ''
  const controlIds = [...new Set([...wholeIds, ...firstComponents])].filter(isFilled)
  return {
    controlIds,
    controlId: segments.text.startsWith('MSH')
      ? (first?.bareText(paths.messageId.field) ?? '')
      : (controlIds[0] ?? ''),
    batchHeaders: [...files, ...batches].map(({ text }) => text),
    type: (first?.bareValue(paths.type) ?? '') + (trigger === '' ? '' : `^${trigger}`),
    version: first?.value(paths.version) ?? '',
    replyDue: messages.length === 0 || messages.some(isReplyDue)
  }
}

export function isFilled(id: string): boolean {
  return id.trim() !== ''
}

/** Original mode (neither MSH-15 nor MSH-16 is filled) always brings a reply. */
function isReplyDue(msh: Segment): boolean {
  const conditions = [msh.value(paths.acceptAck), msh.value(paths.applicationAck)]
    .map((condition) => condition.trim().toUpperCase())
    .filter((condition) => condition !== '' && condition !== '""')
  return conditions.length === 0 || conditions.includes('AL') || conditions.includes('SU')
}
