import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import type { MessageQueue } from '../../src/queue/message-queue.ts'
import { knownState, NO_VERDICT } from '../../src/queue/message-row.ts'
import type { Order, SuspendedChoice } from '../../src/queue/queue-types.ts'
import fc from '../support/properties.ts'
import { NO_FIGURES } from '../support/sample-figures.ts'
import {
  accept,
  contentOf,
  findAll,
  keepQueueThread,
  message,
  moveOf,
  numbers,
  pass,
  seqsOf,
  TestQueues,
  verdict,
  waitingSeqs,
  leftWith
} from './set-up.ts'

/** Longer than any test takes. */
const LONG_MS = 600_000

keepQueueThread()

let queues: TestQueues
beforeEach(() => {
  queues = new TestQueues()
})
afterEach(() => queues.end())

const engines = {
  memory: (order: Order = 'none') => queues.openMemory(order),
  disk: async (order: Order = 'none') => (await queues.openDisk({ order })).queue
}

for (const [engine, open] of Object.entries(engines)) {
  describe(`MessageQueue, ${engine}`, () => {
    it('is empty at first', async () => {
      const queue = engine === 'disk' ? queues.disk().queue : queues.memory()
      assert.deepEqual(await queue.open(), {
        lastSeq: 0,
        renewals: 0,
        pause: undefined,
        backup: undefined,
        leaving: [],
        isUnclean: false,
        endedOn: [],
        figures: NO_FIGURES
      })
      assert.deepEqual(await queue.claimNext(10), [])
      assert.deepEqual(await findAll(queue), [])
      assert.deepEqual(queue.summary, {
        waiting: 0,
        retrying: 0,
        awaiting: 0,
        suspended: 0,
        oldestWaitingAt: null,
        oldestHeldAt: null,
        retry: null,
        ownAddress: 0,
        suspendedFor: null,
        nextTurnInMs: null,
        nextLateInMs: null
      })
    })

    it('restores content and facts of what it hands out', async () => {
      const queue = await open()
      await accept(queue, 1, 2)
      const [claim, second] = await queue.claimNext(2)
      assert.ok(claim && second)
      const { row, content } = await queue.restore(claim)
      assert.deepEqual([...content], [...contentOf(1)])
      assert.deepEqual([...(await queue.restore(second)).content], [...contentOf(2)])
      assert.deepEqual(row, {
        seq: 1,
        state: 'waiting',
        lane: null,
        isSending: true,
        isRetrying: false,
        controlId: 'C1',
        type: 'ADT^A01',
        acceptedAt: 1_700_000_000_001,
        changedAt: 1_700_000_000_001,
        attempts: 0,
        retries: 0,
        spentMs: 0,
        ruleRetries: undefined,
        hasOwnAddress: false,
        countsFrom: undefined,
        renewals: 0,
        verdict: NO_VERDICT,
        story: [],
        resent: undefined,
        isEdited: false,
        keptBytes: 0
      })
    })

    it('stores what a move tells', async () => {
      const queue = await open()
      await accept(queue, 1)
      const story = [{ at: 5, ms: 7.5, result: 'AE' }]
      const ruleRetries = { byRule: { 'E#503=R5S': 2 }, next: { number: 2, of: 5 } }
      const facts = { attempts: 3, retries: 2, spentMs: 12.5, ruleRetries, verdict, story }
      const before = Date.now()
      assert.equal(
        await queue.move(moveOf(1, 'suspended', { ...facts, outcome: { of: 'ü' } })),
        true
      )
      const { row, content, outcome } = await queue.read(1)
      assert.ok(row.changedAt >= before)
      assert.deepEqual(
        { ...row, changedAt: 0 },
        {
          ...facts,
          seq: 1,
          state: 'suspended',
          lane: null,
          isSending: false,
          isRetrying: false,
          controlId: 'C1',
          type: 'ADT^A01',
          acceptedAt: 1_700_000_000_001,
          changedAt: 0,
          hasOwnAddress: false,
          countsFrom: undefined,
          renewals: 0,
          resent: undefined,
          isEdited: false,
          keptBytes: 0
        }
      )
      assert.deepEqual([...content], [...contentOf(1)])
      assert.deepEqual(outcome, { of: 'ü' })
    })

    it('keeps an outcome until another comes or the message waits again', async () => {
      const queue = await open()
      await accept(queue, 1)
      const outcomeOf = async (): Promise<unknown> => (await queue.read(1)).outcome
      await queue.move(moveOf(1, 'awaiting', { outcome: { of: 1 }, dueInMs: LONG_MS }))
      await queue.move(moveOf(1, 'suspended', { from: 'awaiting' }))
      assert.deepEqual(await outcomeOf(), { of: 1 })
      await queue.call('resend', {}, 0, 10)
      assert.equal(await outcomeOf(), undefined)
      await queue.move(moveOf(1, 'awaiting', { outcome: { of: 3 } }))
      await queue.move(moveOf(1, 'waiting', { from: 'awaiting' }))
      await queue.move(moveOf(1, 'suspended'))
      assert.equal(await outcomeOf(), undefined)
      await queue.call('resend', {}, 0, 10)
      await queue.move(moveOf(1, 'leaving', { outcome: { of: 2 } }))
      assert.deepEqual(await outcomeOf(), { of: 2 })
    })

    it('gives a suspended message another content, and its place in another lane', async () => {
      const queue = await open('key')
      const lane = queue.laneOf('a')
      const hashes = [queue.hashOf({ path: 'PID-3.1', value: 'old' })]
      await queue.accept(message(1, { lane, hashes }), Buffer.alloc(700_000, 'x'))
      await queue.accept(message(2, { lane: queue.laneOf('b') }), contentOf(2))
      await queue.move(moveOf(1, 'suspended', { attempts: 3, outcome: { of: 1 } }))
      const hash = queue.hashOf({ path: 'PID-3.1', value: 'new' })
      const edited = { seq: 1, lane: queue.laneOf('b'), controlId: 'E1', type: 'ADT^A08' }
      assert.equal(await queue.edit({ ...edited, hashes: [hash] }, contentOf(7), 'ada'), true)
      // It was accepted before the other one of its new lane.
      const [claim, ...more] = await queue.claimNext(10)
      assert.ok(claim)
      const { row, content, outcome } = await queue.restore(claim)
      assert.deepEqual([[...content], outcome, more], [[...contentOf(7)], undefined, []])
      const { controlId, type, acceptedAt, attempts, isEdited, story } = row
      assert.deepEqual(
        { controlId, type, acceptedAt, attempts, isEdited },
        {
          controlId: 'E1',
          type: 'ADT^A08',
          acceptedAt: message(1).acceptedAt,
          attempts: 3,
          isEdited: true
        }
      )
      assert.deepEqual(
        story.map((record) => ('act' in record ? [record.act, record.by] : [])),
        [['edited', 'ada']]
      )
      const seqsWith = async (value: Uint8Array): Promise<number[]> =>
        seqsOf((await queue.call('find', { hashes: [value], limit: 10 })).messages)
      assert.deepEqual([await seqsWith(hash), await seqsWith(hashes[0] ?? hash)], [[1], []])
      // It is on its way now.
      assert.equal(await queue.edit(edited, contentOf(8)), false)
      await assert.rejects(queue.edit({ ...edited, seq: 9 }, contentOf(8)), {
        code: 'ERR_NOT_QUEUED'
      })
    })

    it('lets what was never tried take turns with retries that are due, however many', async () => {
      const queue = await open('none')
      const tried = numbers(1, 1100)
      await accept(queue, ...tried, 1101, 1102)
      await Promise.all(
        tried.map((seq) => queue.move(moveOf(seq, 'waiting', { dueInMs: LONG_MS })))
      )
      await queue.call('makeDue', tried)
      const claims = await queue.claimNext(4, { first: 'alternate' })
      assert.equal(seqsOf(claims).filter((seq) => seq > 1100).length, 2)
    })

    it('finds messages by a field among many more than one call looks through', async () => {
      const queue = await open()
      const hashes = [queue.hashOf({ path: 'PID-3.1', value: '4711' })]
      const far = [3, 300_000, 900_000]
      for (const seq of far) await queue.accept(message(seq, { hashes }), contentOf(seq))
      await accept(queue, 4, 300_001)
      const first = await queue.call('find', { hashes, limit: 1000 })
      assert.ok(first.next > 0 && first.messages.length < 3, 'it took one call')
      assert.deepEqual(seqsOf(await findAll(queue, { hashes })).reverse(), far)
    })

    it('finds the message that an application acknowledgement is for', async () => {
      const queue = await open()
      const cause = 'ERR_ACK_TIMEOUT'
      for (const seq of numbers(1, 6)) {
        await queue.accept(
          message(seq, { controlId: seq === 6 ? 'other' : 'same' }),
          contentOf(seq)
        )
      }
      await queue.move(moveOf(1, 'suspended', { verdict: { ...verdict, cause } }))
      await queue.move(moveOf(2, 'suspended', { verdict }))
      for (const seq of [3, 4]) await queue.move(moveOf(seq, 'awaiting', { dueInMs: LONG_MS }))
      const claimed: unknown[] = []
      for (let i = 0; i < 4; i++) {
        claimed.push((await queue.call('claimAwaiting', 'same', cause))?.row.seq)
      }
      assert.deepEqual(claimed, [3, 4, 1, undefined])
      assert.equal(await queue.call('claimAwaiting', 'other', cause), undefined)
    })

    describe('suspended messages', () => {
      const choices: [what: string, choice: SuspendedChoice, expected: number[]][] = [
        ['all', {}, [1, 2, 3, 4]],
        ['by number', { ids: [4, 2, 5, 99] }, [2, 4]],
        ['by control ID', { controlId: 'C2' }, [2]],
        ['by type', { type: 'ORU^R01' }, [3]],
        ['by rule', { rule: 'AE=S' }, [1]],
        ['by all of it', { rule: verdict.rule, type: 'ADT^A01' }, [2, 4]],
        ['suspended before a time', { before: 1 }, []]
      ]
      async function filled(): Promise<MessageQueue<Buffer>> {
        const queue = await open()
        for (const seq of numbers(1, 5)) {
          const type = seq === 3 ? 'ORU^R01' : 'ADT^A01'
          await queue.accept(message(seq, { type }), contentOf(seq))
        }
        for (const seq of numbers(1, 4)) {
          const rule = seq === 1 ? 'AE=S' : verdict.rule
          await queue.move(moveOf(seq, 'suspended', { retries: 3, verdict: { ...verdict, rule } }))
        }
        return queue
      }
      for (const [what, choice, expected] of choices) {
        it(`are counted, handed out and resent: ${what}`, async () => {
          const queue = await filled()
          const [first] = expected
          assert.deepEqual(await queue.call('countSuspended', choice), {
            first,
            count: expected.length
          })
          const { claimed, next } = await queue.call('claimSuspended', choice, 0, 10)
          assert.deepEqual([seqsOf(claimed), next], [expected, 0])
          // What is handed out is not resent.
          assert.equal((await queue.call('resend', choice, 0, 10)).count, 0)
          for (const seq of expected) queue.release(seq)
          assert.equal((await queue.call('resend', choice, 0, 10)).count, expected.length)
          assert.deepEqual(await waitingSeqs(queue), [...expected, 5].sort())
        })
      }

      it('come in pages', async () => {
        const queue = await filled()
        const { claimed, next } = await queue.call('claimSuspended', {}, 0, 3)
        assert.deepEqual([seqsOf(claimed), next], [[1, 2, 3], 3])
        assert.deepEqual(await queue.call('resend', {}, next, 3), { count: 1, seqs: [4], next: 0 })
      })
    })

    it('hands out long messages few at a time, to all who take many: they have to fit into memory', async () => {
      const queue = await open()
      const content = (): Buffer => Buffer.alloc(1_500_000, 'x')
      for (const seq of numbers(1, 13)) await queue.accept(message(seq), content())
      assert.deepEqual(seqsOf(await queue.claimNext(1)), [1])
      for (const seq of numbers(2, 5)) await queue.move(moveOf(seq, 'suspended'))
      for (const seq of numbers(6, 9)) await queue.move(moveOf(seq, 'awaiting'))

      const suspended = await queue.call('claimSuspended', {}, 0, 100)
      assert.deepEqual([seqsOf(suspended.claimed), suspended.next], [[2, 3, 4], 4])
      const more = await queue.call('claimSuspended', {}, suspended.next, 100)
      assert.deepEqual([seqsOf(more.claimed), more.next], [[5], 0])

      assert.deepEqual(seqsOf(await queue.call('claimLate', 100)), [6, 7, 8])
      assert.deepEqual(seqsOf(await queue.call('claimLate', 100)), [9])

      const waiting = await queue.call('claimWaiting', {}, 0, 100, true)
      assert.deepEqual(
        [seqsOf(waiting.claimed), waiting.sending, waiting.next],
        [[10, 11, 12], [1], 12]
      )
      queue.release(10)
      const others = await queue.call('claimWaiting', {}, waiting.next, 100, true)
      assert.deepEqual([seqsOf(others.claimed), others.sending, others.next], [[13], [], 0])
      for (const seq of [11, 12, 13]) queue.release(seq)
      const withoutContents = await queue.call('claimWaiting', {}, 0, 100, false)
      assert.deepEqual([withoutContents.claimed.length, withoutContents.next], [4, 0])
    })

    it('says of each message where it is', async () => {
      const queue = await open()
      await accept(queue, ...numbers(1, 6))
      await queue.move(moveOf(2, 'waiting', { dueInMs: LONG_MS }))
      await queue.move(moveOf(3, 'awaiting', { dueInMs: LONG_MS }))
      await queue.move(moveOf(4, 'suspended'))
      await queue.move(moveOf(5, 'leaving'))
      await queue.claimNext(1)
      const rows = await findAll(queue)
      assert.deepEqual(rows.map(knownState).reverse(), [
        'sending',
        'retrying',
        'awaiting',
        'suspended',
        'leaving',
        'waiting'
      ])
      for (const row of rows) {
        const state = knownState(row)
        assert.deepEqual(seqsOf(await findAll(queue, { state })), [row.seq], state)
        assert.deepEqual(await findAll(queue, { state, controlId: 'C9' }), [], state)
      }
    })

    it('executes calls in order, awaited or not', async () => {
      const queue = await open()
      void accept(queue, 1)
      const read = queue.read(1)
      void queue.move(moveOf(1, 'leaving'))
      const settled = queue.read(1)
      void accept(queue, 2)
      const claimed = queue.claimNext(10)
      void queue.finish(1)
      // It need not wait for the claim, which waits until its message is safe.
      const gone = assert.rejects(queue.read(1), { name: 'QueueError', code: 'ERR_NOT_QUEUED' })
      assert.equal((await read).row.state, 'waiting')
      assert.equal((await settled).row.state, 'leaving')
      assert.deepEqual(seqsOf(await claimed), [2])
      await gone
    })

    it('keeps the order after thousands have left', async () => {
      const queue = await open('fifo')
      await accept(queue, ...numbers(1, 3000))
      const kept = numbers(1, 3000).filter((seq) => seq % 700 === 0)
      const left = numbers(1, 3000).filter((seq) => seq % 700 !== 0)
      await Promise.all(left.map((seq) => queue.finish(seq)))
      await accept(queue, 3001)
      for (const seq of [...kept, 3001]) {
        assert.deepEqual(seqsOf(await queue.claimNext(5)), [seq])
        await queue.finish(seq)
      }
      assert.equal(queue.summary.waiting, 0)
    })

    it('sums up what it holds', async () => {
      const queue = await open()
      await accept(queue, ...numbers(1, 5))
      await queue.move(moveOf(1, 'suspended', { verdict }))
      await queue.move(moveOf(2, 'awaiting', { dueInMs: LONG_MS }))
      await queue.move(moveOf(3, 'leaving'))
      const { oldestWaitingAt, oldestHeldAt, nextLateInMs: dueInMs, ...rest } = queue.summary
      assert.ok(dueInMs !== null && dueInMs > LONG_MS - 60_000 && dueInMs <= LONG_MS, `${dueInMs}`)
      assert.deepEqual(
        [oldestHeldAt, oldestWaitingAt],
        [1, 4].map((seq) => message(seq).acceptedAt)
      )
      assert.deepEqual(rest, {
        waiting: 2,
        retrying: 0,
        awaiting: 1,
        suspended: 1,
        retry: null,
        ownAddress: 0,
        suspendedFor: verdict,
        nextTurnInMs: null
      })
    })

    it('knows lanes by numbers that do not tell the key', async () => {
      const queue = await open('key')
      const lane = queue.laneOf('PATIENT-4711')
      assert.equal(queue.laneOf('PATIENT-4711'), lane)
      assert.notEqual(queue.laneOf('PATIENT-4712'), lane)
      assert.ok(Number.isSafeInteger(lane))
      assert.equal(queue.isDurable, engine === 'disk')
    })
  })
}

describe('MessageQueue in memory', () => {
  it('returns the objects that it was given', async () => {
    const queue = await queues.openMemory()
    const [content, outcome] = [Buffer.from('a'), { reply: Buffer.from('b') }]
    await queue.accept(message(1), content)
    await queue.move(moveOf(1, 'leaving', { outcome }))
    const read = await queue.read(1)
    assert.ok(read.content === content && read.outcome === outcome)
  })

  it('remembers the last 1000 messages that have left, even if one never leaves', async () => {
    const queue = await queues.openMemory()
    await accept(queue, 1)
    await pass(queue, ...numbers(2, 5000))
    const left = seqsOf(await findAll(queue))
    assert.deepEqual(left.slice(0, 1000), numbers(4001, 5000).reverse())
    assert.ok(left.length < 1100, `${left.length}`)
    assert.equal(left.at(-1), 1)
  })
})

/** A call that gives the same at all times. */
interface Step {
  do: 'accept' | 'claim' | 'move' | 'release' | 'finish' | 'resend' | 'find' | 'restart'
  pick: number
}

describe('A queue on disk', () => {
  const step: fc.Arbitrary<Step> = fc.record({
    do: fc.constantFrom(
      ...(['accept', 'accept', 'claim', 'claim', 'move', 'move', 'release'] as const),
      ...(['finish', 'resend', 'find', 'restart'] as const)
    ),
    pick: fc.nat({ max: 99 })
  })
  const STATES = ['waiting', 'waiting', 'awaiting', 'suspended', 'leaving'] as const
  const TARGETS = ['awaiting', 'suspended', 'leaving', 'waiting'] as const

  it('gives what one in memory gives, restarted or not', async () => {
    let round = 0
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom<Order>('fifo', 'key', 'none'),
        fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }),
        async (order, steps) => {
          const disk = (await queues.openDisk({ name: `model ${++round}`, order })).queue
          const memory = await queues.openMemory(order)
          let lastSeq = 1
          await Promise.all([accept(memory, 1), accept(disk, 1)])

          function perform(
            { do: what, pick }: Step,
            queue: MessageQueue<Buffer>
          ): Promise<unknown> {
            const seq = (pick % lastSeq) + 1
            switch (what) {
              case 'accept': {
                const lane = order === 'key' ? pick % 3 : null
                return queue.accept(message(lastSeq, { lane }), contentOf(lastSeq))
              }
              case 'claim':
                return queue.claimNext(1 + (pick % 3))
              case 'move': {
                const from = STATES[pick % STATES.length] ?? 'waiting'
                const to = TARGETS[pick % TARGETS.length] ?? 'waiting'
                const dueInMs = to === 'awaiting' ? LONG_MS : 0
                return queue.move(moveOf(seq, to, { from, dueInMs, outcome: { pick } }))
              }
              case 'finish':
                return queue.finish(seq, leftWith({ ...NO_VERDICT, outcome: 'ack' }))
              case 'resend':
                return queue.call('resend', pick % 2 === 0 ? {} : { ids: [seq] }, 0, 1 + (pick % 5))
              case 'find':
                return queue.call('find', {
                  limit: 1 + (pick % 5),
                  before: lastSeq + 2 - (pick % 4)
                })
              default:
                queue.release(seq)
                return Promise.resolve()
            }
          }

          async function contents(queue: MessageQueue<Buffer>): Promise<unknown[]> {
            const rows = await findAll(queue)
            const held = rows.filter(({ state }) => state !== 'left')
            const read = await Promise.all(held.map(({ seq }) => queue.read(seq)))
            return read.map(({ row, content, outcome }) => [row, content.toString(), outcome])
          }

          async function restart(): Promise<void> {
            for (const seq of numbers(1, lastSeq)) memory.release(seq)
            await disk.close()
            await disk.open()
            assert.deepEqual(comparable(await contents(disk)), comparable(await contents(memory)))
          }

          // What is called together is stored together.
          let calls: { step: Step; asked: Promise<unknown>[] }[] = []
          async function compare(): Promise<void> {
            for (const { step, asked } of calls) {
              const [expected, found] = await Promise.all(asked.map((each) => each.catch(String)))
              assert.deepEqual(comparable(found), comparable(expected), step.do)
            }
            calls = []
          }
          for (const each of steps) {
            if (each.do === 'restart') {
              await compare()
              await restart()
              continue
            }
            if (each.do === 'accept') lastSeq++
            calls.push({ step: each, asked: [perform(each, memory), perform(each, disk)] })
          }
          await compare()
          await restart()
          await disk.close()
        }
      ),
      { numRuns: 25 }
    )
  })

  /** Without what depends on the moment of a call, and on where contents are. */
  function comparable(value: unknown): unknown {
    return JSON.parse(
      JSON.stringify({ value }, (name, inner: unknown) =>
        ['at', 'changedAt', 'content'].includes(name) ? undefined : inner
      )
    ) as unknown
  }
})
