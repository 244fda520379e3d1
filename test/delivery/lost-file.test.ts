/** The queue file is removed, and so is the thread that has it open, while a message is on its way. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import threads, { Worker } from 'node:worker_threads'
import { DiskEngine } from '../../src/queue/disk-engine.ts'
import { MessageQueue } from '../../src/queue/message-queue.ts'
import { EncodedContents } from '../../src/queue/stored-contents.ts'
import { until } from '../http-client/local-server.ts'
import { abortedResult } from './replies.ts'
import { codec, sentBy, setUp, type Setup } from './set-up.ts'

let thread: Worker | undefined
function keep(worker: Worker): void {
  thread = worker
}
threads.Worker = class extends Worker {
  constructor(...args: ConstructorParameters<typeof Worker>) {
    super(...args)
    keep(this)
  }
}
syncBuiltinESMExports()

const GIVEN_UP = 'Message 1 is not in the queue. Message m1 (ADT^A01) was given up.'

interface Lost extends Setup {
  /** What came of messages, and what was told of them. */
  errors: string[]
  told: string[]
}

/** @param then what is done once it is so */
async function withLostFile(then: (lost: Lost) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'lost-file-'))
  const engine = new DiskEngine({
    ...{ directory, name: 'node', key: () => Promise.resolve(Buffer.alloc(32, 1)) },
    ...{ journalDays: 14, order: 'fifo', orderKey: '', applicationAckMs: 600_000 }
  })
  const errors: string[] = []
  const told: string[] = []
  const setup = await setUp({
    queue: new MessageQueue(engine, new EncodedContents(codec)),
    emit: (_message, content, { error, outcome }) => {
      errors.push(`${content}: ${error?.message ?? outcome}`)
    },
    onEvent: (event) => {
      if (event.kind === 'moved') told.push(`${event.message.controlId} ${event.to}`)
    }
  })
  try {
    await setup.add('m1')
    await until(() => setup.flights.length === 1)
    await thread?.terminate()
    for (const end of ['', '-wal', '-shm']) rmSync(`${engine.path}${end}`, { force: true })
    await then({ ...setup, errors, told })
    await setup.delivery.close(0)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

describe('A queue file that is lost while a message is on its way', () => {
  for (const kind of ['retry', 'suspend', 'await'] as const) {
    it(`takes no slot with it: the message is given up though ${kind} cannot be stored, and the next one goes`, async () => {
      await withLostFile(async (lost) => {
        await lost.reply(kind)
        await until(() => lost.errors.length > 0)
        assert.deepEqual(lost.errors, [`m1: ${GIVEN_UP}`])
        assert.deepEqual(lost.told, ['m1 sending', 'm1 left'])
        await lost.add('m2')
        await until(() => lost.flights.length > 0)
        assert.deepEqual(sentBy(lost), ['m2'])
        // Its time is over, and nothing comes of that.
        await lost.clock.advance(1_000_000)
        await lost.reply('accept')
        await until(() => lost.errors.length > 1)
        assert.deepEqual(lost.errors.slice(1), ['m2: ack'])
      })
    })
  }

  it('takes no message with it that the close of the node interrupts', async () => {
    await withLostFile(async (lost) => {
      const closed = lost.delivery.close(10_000)
      lost.flights.shift()?.end(abortedResult())
      await closed
      assert.deepEqual(lost.errors, [`m1: ${GIVEN_UP}`])
    })
  })

  it('pauses the node all the same, if a rule says so', async () => {
    await withLostFile(async (lost) => {
      await lost.reply('disable')
      await until(() => lost.errors.length > 0)
      assert.deepEqual(lost.errors, [`m1: ${GIVEN_UP}`])
      assert.equal(lost.delivery.state().paused?.reason, 'rule disable')
    })
  })
})
