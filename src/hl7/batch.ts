import { isAscii } from 'node:buffer'
import type { Charset } from './charset-labels.ts'
import { Masking } from './masking.ts'
import { isHeader, readSeparators } from './segments.ts'

/** Of a batch: a stored message that is one itself is taken apart, because batches do not nest. */
const BATCH_SEGMENTS = ['FHS', 'BHS', 'BTS', 'FTS']
/** Switches the set in ISO 2022. */
const ESCAPE_BYTE = 0x1b
/** What MSH-18 calls UTF-8. */
const UTF_8 = 'UNICODE UTF-8'
const MSH_18 = 18

export interface BatchHead {
  name: string
  comment: string
  /** Wall clock, milliseconds. */
  at: number
}

/** FHS and BHS of a file with one batch. */
export function batchHead({ at, comment, name }: BatchHead): string {
  const time = `${new Date(at).toISOString().slice(0, 19).replace(/[-T:]/g, '')}+0000`
  const fields = ['^~\\&', 'hl7-https-out', '', '', '', time, '', name, comment, name]
  const line = fields.map((field, index) => (index === 0 ? field : safe(field))).join('|')
  return `FHS|${line}\rBHS|${line}\r`
}

/** BTS and FTS: how many messages there are, and figures that are the sender's own (BTS-3). */
export function batchEnd(count: number, comment: string, totals: readonly number[]): string {
  return `BTS|${count}|${safe(comment)}|${totals.join('~')}\rFTS|1\r`
}

/** No separator, and no character that ends a segment. */
function safe(field: string): string {
  return field.replace(/[|^~\\&\p{C}]/gu, ' ')
}

/** Whether these bytes are the same text in UTF-8. */
export function isUtf8Already(bytes: Buffer, { label }: Pick<Charset, 'label'>): boolean {
  if (label === 'utf-8') return true
  return !label.startsWith('utf-16') && isAscii(bytes) && !bytes.includes(ESCAPE_BYTE)
}

export interface BatchedHow {
  /** What says who somebody is. */
  isMasked: boolean
  /** MSH-18 says that it is UTF-8, as the file is: it was sent in another set. */
  isRenamed: boolean
}

/**
 * The messages in a text as they stand in a batch, in pieces of whole segments.
 *
 * @param text CR-separated
 * @param found is told of each message
 */
export function* batchedMessages(
  text: string,
  { isMasked, isRenamed }: BatchedHow,
  found: () => void
): Generator<string> {
  const masking = new Masking()
  for (let start = 0; start < text.length;) {
    const next = text.indexOf('\r', start)
    const end = next === -1 ? text.length : next
    const segment = text.slice(start, end)
    start = end + 1
    const name = segment.trimStart().slice(0, 3)
    // Its separators hold for what follows, until the next header.
    const shown = isMasked ? masking.masked(segment) : segment
    if (BATCH_SEGMENTS.includes(name)) continue
    const isMessage = name === 'MSH'
    if (isMessage) found()
    yield `${isMessage && isRenamed ? renamed(shown) : shown}\r`
  }
}

/** MSH with another MSH-18. */
function renamed(msh: string): string {
  const text = msh.trimStart()
  const separators = isHeader(text.slice(0, 3)) ? readSeparators(text) : null
  if (separators === null) return msh
  const { field } = separators
  // MSH-1 is the separator itself.
  const parts = text.split(field)
  while (parts.length < MSH_18) parts.push('')
  parts[MSH_18 - 1] = UTF_8
  return parts.join(field)
}
