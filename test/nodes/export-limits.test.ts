import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { exported } from '../../nodes/operations/export-messages.ts'
import type { DeliveryControl } from '../../nodes/flow/out-parts.ts'
import { readOutgoingMessage } from '../../src/hl7/outgoing-message.ts'
import type { MessageRow } from '../../src/queue/message-row.ts'
import { QueueError } from '../../src/queue/queue-error.ts'

const HOW = { isClear: false, withReplies: false, node: 'out', now: Date.UTC(2026, 0, 2) }
const nobody = new AbortController().signal

/** Only what is read of a delivery: a queue with as much in it would take minutes. */
function deliveryOf(
  count: number,
  content: (seq: number) => string | Error,
  keptBytes = 1
): { delivery: DeliveryControl; reads: number[] } {
  const reads: number[] = []
  let last = { text: '', message: readOutgoingMessage('MSH|^~\\&|||||||A|1|P|2', 'auto') }
  const reader = {
    find: ({ ids = [] }: { ids?: readonly number[] }) =>
      Promise.resolve({
        messages: ids
          .filter((seq) => seq <= count)
          .map((seq) => ({ seq, state: 'left', keptBytes }) as MessageRow),
        more: false
      }),
    read: (seq: number) => {
      reads.push(seq)
      const text = content(seq)
      if (text instanceof Error) return Promise.reject(text)
      // To read a long one takes long.
      if (text !== last.text) last = { text, message: readOutgoingMessage(text, 'auto') }
      return Promise.resolve({ content: { parcel: { message: last.message } } })
    }
  }
  return { delivery: { reader: () => Promise.resolve(reader) } as never, reads }
}

const ids = (count: number): { ids: number[] } => ({
  ids: Array.from({ length: count }, (_, index) => index + 1)
})
const message = (seq: number, more = ''): string =>
  `MSH|^~\\&|A|||||||M${seq}|P|2.5\rPID|1||4711${more}`

async function read(pieces: AsyncIterable<Uint8Array>): Promise<{ end: string; bytes: number }> {
  let bytes = 0
  let end = ''
  for await (const piece of pieces) {
    bytes += piece.length
    end = Buffer.from(piece.subarray(-400)).toString()
  }
  return { bytes, end }
}

describe('a file of messages', () => {
  it('has 10,000 at most; of more, nothing is read', async () => {
    const { delivery, reads } = deliveryOf(10_001, (seq) => message(seq))
    const none = (): number => 0
    await exported(delivery, ids(10_000), HOW, nobody, none)
    await assert.rejects(exported(delivery, ids(10_001), HOW, nobody, none), /more than 10000/)
    assert.deepEqual(reads, [])
  })

  it('has about 100 MB at most: those that no longer fit are left out, and counted', async () => {
    const long = 'a|'.repeat(15_000_000)
    const { delivery, reads } = deliveryOf(6, () => message(1, long))
    const { pieces } = await exported(delivery, ids(6), { ...HOW, isClear: true }, nobody, () => 0)
    const { bytes, end } = await read(pieces)
    assert.ok(bytes > 85_000_000 && bytes < 100_000_000, String(bytes))
    assert.match(end, /\|3~0~3\rFTS/)
    assert.deepEqual(reads, [1, 2, 3, 4], 'one at a time')
  })

  it('takes a message of 16 MB, and Node-RED goes on meanwhile', async () => {
    const segments = `\rOBX|1|TX|1||${'Lindqvist~'.repeat(6)}||||||F`.repeat(190_000)
    const { delivery } = deliveryOf(1, (seq) => message(seq, segments))
    let turns = 0
    let turn = setImmediate(function again() {
      turns++
      turn = setImmediate(again)
    })
    const { pieces } = await exported(delivery, ids(1), HOW, nobody, () => 0)
    const iterator = pieces[Symbol.asyncIterator]()
    // It was read, as it is each time that it is sent.
    await iterator.next()
    await iterator.next()
    turns = 0
    let bytes = 0
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
      assert.ok(!Buffer.from(next.value).includes('Lindqvist'))
      assert.ok(next.value.length < 200_000, 'in short pieces')
      bytes += next.value.length
    }
    clearImmediate(turn)
    assert.ok(bytes > 5_000_000, String(bytes))
    assert.ok(turns > 2, `${turns} turns of the event loop`)
  })

  it('goes on where a content is gone or damaged meanwhile, and breaks off where the queue cannot be read', async () => {
    const gone = (code: ConstructorParameters<typeof QueueError>[1]): QueueError =>
      new QueueError('x', code)
    const some = deliveryOf(3, (seq) =>
      seq === 1 ? gone('ERR_NOT_QUEUED') : seq === 2 ? gone('ERR_MESSAGE_DAMAGED') : message(seq)
    )
    const file = await exported(some.delivery, ids(3), HOW, nobody, () => 0)
    assert.match((await read(file.pieces)).end, /BTS\|1\|1 of 3 .*2 are missing.*\|1~2~0\r/)
    let done = 0
    const broken = deliveryOf(2, (seq) => (seq === 2 ? gone('SQLITE_IOERR') : message(seq)))
    const part = await exported(broken.delivery, ids(2), HOW, nobody, (count) => (done = count))
    await assert.rejects(read(part.pieces), { code: 'SQLITE_IOERR' })
    assert.equal(done, 1, 'what was sent is recorded')
  })

  it('is recorded as far as it was sent if the user leaves, and no more is read', async () => {
    const { delivery, reads } = deliveryOf(1000, (seq) => message(seq, `|${'x'.repeat(70_000)}`))
    let done = 0
    const clear = { ...HOW, isClear: true }
    const { pieces } = await exported(delivery, ids(1000), clear, nobody, (count) => (done = count))
    let seen = 0
    for await (const piece of pieces) {
      seen += Number(piece.length > 0)
      if (seen === 3) break
    }
    assert.ok(done > 0 && done < 5, String(done))
    assert.equal(reads.length, done)
  })
})
