import { DiskEngine } from '../../src/queue/disk-engine.ts'
import { MessageQueue, type Claim } from '../../src/queue/message-queue.ts'
import { EncodedContents } from '../../src/queue/stored-contents.ts'
import { noteTo, ownSettings } from '../support/life.ts'
import { buffers, KEY, leftWith, message, moveOf } from '../queue/set-up.ts'
import {
  ACKED,
  contentOf,
  fateOf,
  outcomeOf,
  QUEUE_NAMES,
  QUEUES,
  type Note,
  type QueueName
} from './kept-messages.ts'

// A separate process through whose queues messages of all sizes flow until it is killed:
// `node kept-process.ts <settings>`. It tells its parent when a queue is open.

const { directory, log } = ownSettings() as KeptSettings
const write = noteTo(log)
export interface KeptSettings {
  directory: string
  /** The path of the log. */
  log: string
}

/** So many messages are on their way in each queue. */
const AT_ONCE = 3
/** So many of an earlier life are taken at the start, of each kind. */
const OF_EARLIER = 20
const AN_HOUR_MS = 3_600_000

await Promise.all(QUEUE_NAMES.map(live))

/** The life of a queue. */
async function live(name: QueueName): Promise<void> {
  const engine = new DiskEngine({
    directory,
    name,
    key: () => Promise.resolve(KEY),
    ...QUEUES[name],
    order: 'none',
    orderKey: '',
    onNotice: (text) => {
      write(name, 'notice', text)
    }
  })
  const queue = new MessageQueue(engine, new EncodedContents(buffers, 0))
  const { lastSeq, leaving } = await queue.open()
  process.send?.(name)
  let next = lastSeq + 1

  function note(seq: number, what: Note): void {
    write(name, seq, what)
  }

  async function finish(seq: number, isAtOnce: boolean): Promise<void> {
    await queue.finish(seq, isAtOnce ? leftWith(ACKED) : undefined)
    note(seq, 'left')
  }

  async function leaveWithOutcome({ row: { seq, state } }: Claim): Promise<void> {
    const from = state === 'suspended' ? state : 'waiting'
    const facts = { from, verdict: ACKED, outcome: outcomeOf(seq) } as const
    note(seq, 'leaves')
    await queue.move(moveOf(seq, 'leaving', facts))
    await finish(seq, false)
  }

  async function settle(claim: Claim): Promise<void> {
    const { seq, attempts } = claim.row
    const fate = fateOf(seq)
    if (attempts > 0 || fate === 'leaves with an outcome') await leaveWithOutcome(claim)
    else if (fate === 'leaves') {
      note(seq, 'leaves')
      await finish(seq, true)
    } else if (fate === 'waits') {
      await queue.move(moveOf(seq, 'waiting', { dueInMs: AN_HOUR_MS, retries: 1 }))
    } else {
      note(seq, 'suspends')
      await queue.move(moveOf(seq, 'suspended', { outcome: outcomeOf(seq) }))
      note(seq, 'suspended')
    }
  }

  async function flow(): Promise<never> {
    for (;;) {
      const seq = next++
      await queue.accept(message(seq), contentOf(seq))
      note(seq, 'accepted')
      for (const claim of await queue.claimNext(1)) await settle(claim)
    }
  }

  for (const seq of leaving) {
    note(seq, 'leaves late')
    await finish(seq, false)
  }
  const { claimed } = await queue.call('claimSuspended', {}, 0, OF_EARLIER)
  for (const claim of claimed) await leaveWithOutcome(claim)
  for (const claim of await queue.claimNext(OF_EARLIER)) await settle(claim)
  await Promise.all(Array.from({ length: AT_ONCE }, flow))
}
