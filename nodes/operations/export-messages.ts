import { setImmediate } from 'node:timers/promises'
import { english } from '../../src/english.ts'
import { batchedMessages, batchEnd, batchHead, isUtf8Already } from '../../src/hl7/batch.ts'
import { unframe } from '../../src/hl7/framing.ts'
import { readSeparators } from '../../src/hl7/segments.ts'
import { MOST_REASON, printable } from '../../src/printable.ts'
import type { MessageRow } from '../../src/queue/message-row.ts'
import { QueueError } from '../../src/queue/queue-error.ts'
import type { Settlement } from '../../src/delivery/settlement.ts'
import type { DeliveryControl } from '../flow/out-parts.ts'
import type { ExportCount } from './answers.ts'
import { Download } from './download.ts'
import { MOST_EXPORTED, MOST_EXPORTED_BYTES } from './export-limits.ts'
import type { ExportChoice } from './queries.ts'
import { refused } from './route-error.ts'

/** So many are looked for in one call of the queue. */
const FOUND_AT_ONCE = 1000
/** So many characters are encoded at once, and after so many the event loop goes on. */
const PIECE = 65_536
const TURN = 1_048_576

/** How messages are exported. */
export interface ExportHow {
  /** With what says who somebody is. */
  isClear: boolean
  /** Each followed by its reply. */
  withReplies: boolean
  /** Of one file: for its name. */
  node: string
  now: number
}

/** How many were exported, once that is over. */
type Done = (count: number) => void

/** One that is to be exported. */
type Chosen = Pick<MessageRow, 'seq'> & { isKept: boolean }

/** What would be exported. @throws {RouteError} if there are too many */
export async function countExported(
  delivery: DeliveryControl,
  choice: ExportChoice,
  gone: AbortSignal
): Promise<ExportCount> {
  const chosen = await find(delivery, choice, gone)
  return { found: chosen.length, withContent: chosen.filter(({ isKept }) => isKept).length }
}

/**
 * Messages as one HL7 batch, in the order of acceptance, in UTF-8; one message is read at a time.
 *
 * @throws {RouteError} if there are too many, or none of which the content is kept
 */
export async function exported(
  delivery: DeliveryControl,
  choice: ExportChoice,
  how: ExportHow,
  gone: AbortSignal,
  done: Done
): Promise<Download> {
  const chosen = await find(delivery, choice, gone)
  if (!chosen.some(({ isKept }) => isKept)) throw refused(409, 'refusal.nothingToExport')
  const time = new Date(how.now).toISOString().slice(0, 19).replace(/[-:]/g, '')
  const name = `hl7-${how.node.replace(/[^\w.-]/g, '')}-${time}Z`
  return new Download(
    'application/hl7-v2; charset=utf-8',
    `${name}.hl7`,
    piecesOf(delivery, chosen, how, name, done)
  )
}

/** In the order of acceptance. @throws {RouteError} if there are too many */
async function find(
  delivery: DeliveryControl,
  choice: ExportChoice,
  gone: AbortSignal
): Promise<Chosen[]> {
  const reader = await delivery.reader()
  const found = new Map<number, boolean>()
  const add = (rows: readonly MessageRow[]): void => {
    for (const { keptBytes, seq, state } of rows) found.set(seq, state !== 'left' || keptBytes > 0)
    if (found.size > MOST_EXPORTED) {
      throw refused(409, 'refusal.tooManyToExport', { most: MOST_EXPORTED })
    }
  }
  if ('ids' in choice) {
    for (let from = 0; from < choice.ids.length && !gone.aborted; from += FOUND_AT_ONCE) {
      const ids = choice.ids.slice(from, from + FOUND_AT_ONCE)
      add((await reader.find({ ids, limit: ids.length }, gone)).messages)
    }
  } else {
    for (const query of choice.queries) {
      for (let { before } = query; !gone.aborted;) {
        const some = { ...query, limit: FOUND_AT_ONCE, ...(before !== undefined && { before }) }
        const { messages, more } = await reader.find(some, gone)
        add(messages)
        before = messages.at(-1)?.seq
        if (!more || before === undefined) break
      }
    }
  }
  return [...found]
    .map(([seq, isKept]) => ({ seq, isKept }))
    .sort((one, other) => one.seq - other.seq)
}

async function* piecesOf(
  delivery: DeliveryControl,
  chosen: readonly Chosen[],
  how: ExportHow,
  name: string,
  done: Done
): AsyncGenerator<Uint8Array> {
  let count = 0
  let inBatch = 0
  let missing = 0
  let bytes = 0
  let leftOut = 0
  try {
    const comment = english('log', how.isClear ? 'export.clear' : 'export.masked')
    yield Buffer.from(batchHead({ name, comment, at: how.now }))
    for (const [index, { isKept, seq }] of chosen.entries()) {
      const parts = isKept ? await partsOf(delivery, seq, how) : undefined
      if (parts === undefined) {
        missing++
        continue
      }
      const size = parts.reduce((sum, part) => sum + part.size, 0)
      if (count > 0 && bytes + size > MOST_EXPORTED_BYTES) {
        leftOut = chosen.length - index
        break
      }
      count++
      for await (const piece of encoded(parts, () => inBatch++)) {
        bytes += piece.length
        yield piece
      }
    }
    const words = english('log', 'export.end', { count, of: chosen.length, missing, leftOut })
    yield Buffer.from(batchEnd(inBatch, words, [count, missing, leftOut]))
  } finally {
    // Also if the user has gone: they have what was sent.
    if (count > 0) done(count)
  }
}

/** What is written of a message: it, and perhaps its reply. */
interface Part {
  /** In bytes, about. */
  size: number
  pieces: (found: () => void) => Iterable<string | Buffer>
}

/** Undefined if its content is no longer there, or cannot be read. */
async function partsOf(
  delivery: DeliveryControl,
  seq: number,
  { isClear, withReplies }: ExportHow
): Promise<Part[] | undefined> {
  const stored = await readStored(delivery, seq)
  const message = stored?.content.parcel?.message
  if (message === undefined) return undefined
  const { bytes, charset } = message
  const isUtf8 = isUtf8Already(bytes, { label: charset })
  const isPlain = isClear && isUtf8 && message.batchHeaders.length === 0
  const request: Part = {
    size: bytes.length,
    pieces: (found) =>
      isPlain
        ? asItIs(bytes, found)
        : batchedMessages(message.text, { isMasked: !isClear, isRenamed: !isUtf8 }, found)
  }
  const text = withReplies ? replyIn(stored?.outcome ?? {}) : ''
  if (text === '') return [request]
  // In which set it came is not known any more.
  const how = { isMasked: !isClear, isRenamed: /[^\0-\x7f]/.test(text) }
  return [request, { size: text.length, pieces: (found) => batchedMessages(text, how, found) }]
}

/** The HL7 of a reply; `''` if it is none, such as a web page. */
function replyIn({ reply }: Partial<Settlement>): string {
  // Of one that decided nothing, only its text is kept.
  const text = unframe(reply === undefined ? '' : reply.hl7 || reply.text)
  return readSeparators(text) === null ? '' : text
}

/** What is stored of a message; undefined if it is gone, or damaged. */
async function readStored(
  delivery: DeliveryControl,
  seq: number
): Promise<
  Awaited<ReturnType<Awaited<ReturnType<DeliveryControl['reader']>>['read']>> | undefined
> {
  try {
    return await (await delivery.reader()).read(seq)
  } catch (error) {
    const isMissing =
      error instanceof QueueError && /^ERR_(NOT_QUEUED|MESSAGE_DAMAGED)$/.test(error.code)
    if (isMissing) return undefined
    throw error
  }
}

/** The very bytes that were sent. */
function asItIs(bytes: Buffer, found: () => void): [Buffer] {
  for (let at = 0; at !== -1; at = bytes.indexOf('\rMSH', at + 1, 'latin1')) found()
  return [bytes]
}

/** Short pieces put together, without holding up the event loop. */
async function* encoded(parts: readonly Part[], found: () => void): AsyncGenerator<Buffer> {
  let text = ''
  let sinceTurn = 0
  for (const { pieces } of parts) {
    for (const piece of pieces(found)) {
      sinceTurn += piece.length
      if (typeof piece === 'string') text += piece
      if (text.length >= PIECE || (text !== '' && typeof piece !== 'string')) {
        yield Buffer.from(text)
        text = ''
      }
      if (typeof piece !== 'string') yield piece
      if (sinceTurn < TURN) continue
      sinceTurn = 0
      await setImmediate()
    }
  }
  if (text !== '') yield Buffer.from(text)
}

/** The reason that somebody gives. @throws {RouteError} if they give none */
export function exportReason(reason = ''): string {
  const said = printable(reason.trim(), MOST_REASON)
  if (said === '') throw refused(400, 'refusal.noReason')
  return said
}
