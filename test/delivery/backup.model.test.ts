/** Two receivers come and go in every order, and the process dies: nothing is lost, out of order, or where it must not be. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AttemptResult } from '../../src/delivery/attempt-result.ts'
import type { Delivery } from '../../src/delivery/delivery.ts'
import type { Address } from '../../src/delivery/failover.ts'
import { FakeClock, settled } from '../support/fake-clock.ts'
import { generator } from '../support/random.ts'
import { seedOr } from '../support/seed.ts'
import { FakeDisk } from './fake-disk.ts'
import { resultOf } from './replies.ts'
import { setUpOn } from './set-up.ts'

/** What an address does with a request. `mute` and `cut` may come before or after it has stored the message. */
const MODES = ['up', 'refuses', 'busy', 'starting', 'broken', 'mute', 'cut'] as const
type Mode = (typeof MODES)[number]

const ADDRESSES = ['first', 'backup'] as const
const AFTER_MS = 120_000
const SEED = seedOr(20_261_129)

interface Case {
  order: 'fifo' | 'key' | 'none'
  afterMs: number
}

function withStatus(status: number): AttemptResult {
  const result = resultOf('retry')
  assert.ok(result.reply)
  return { ...result, reply: { ...result.reply, status } }
}

/** One run of random length, with everything that may go wrong; then all is well again. */
async function run(seed: number, { order, afterMs }: Case): Promise<void> {
  const random = generator(seed)
  const below = (most: number): number => Math.floor(random() * most)
  const clock = new FakeClock()
  const disk = new FakeDisk({ immediate: true })
  const modes: Record<Address, Mode> = { first: 'up', backup: 'up' }
  /** Where each message was stored, in order. */
  const arrived: { address: Address; id: string }[] = []
  const left = new Map<string, string>()
  const accepted: string[] = []
  const wrong: string[] = []
  let life = 0

  const arrive = (address: Address, id: string): void => {
    for (const earlier of accepted) {
      if (earlier === id) break
      const isInOrder = order === 'fifo' || (order === 'key' && earlier[0] === id[0])
      if (isInOrder && !left.has(earlier)) wrong.push(`${id} arrived before ${earlier} had left`)
    }
    if (id.endsWith('7') && address === 'backup') wrong.push(`${id} has an address of its own`)
    arrived.push({ address, id })
  }

  const answer = (address: Address, id: string): [result: AttemptResult, ms: number] => {
    const mode = modes[address]
    if (mode === 'refuses') return [resultOf('unreachable'), 1]
    if (mode === 'busy') return [{ ...withStatus(503), retryAfterMs: 900_000 * below(2) }, 10]
    if (mode === 'starting') return [withStatus(404), 10]
    const isStored = mode === 'up' || random() < 0.5
    if (isStored) arrive(address, id)
    if (mode === 'up') return [resultOf('accept'), 20]
    if (mode === 'broken') return [withStatus(502), 20]
    if (mode === 'mute') return [resultOf('timeout'), 30_000]
    const error = { code: 'ECONNRESET', family: 'reset', text: '' } as const
    return [{ ...resultOf('unreachable'), error, isCutEarly: true }, 20]
  }

  const start = async (): Promise<Delivery<string>> => {
    const own = ++life
    const { delivery } = await setUpOn(
      disk,
      {
        order,
        maxInFlight: 4,
        readFields: (id) => ({ key: id.slice(0, 1), values: [], hasOwnAddress: id.endsWith('7') }),
        failureTimeoutMs: Infinity,
        random,
        backup: {
          address: 'b',
          hosts: { first: 'a', backup: 'b' },
          afterMs,
          connect: (address) =>
            new Promise((resolve) => {
              const { [address]: mode } = modes
              clock.after(5, () => {
                if (own === life) resolve(mode !== 'refuses')
              })
            })
        },
        attempt: (id, signal, _watch, { address }) => {
          const isNew = own === life
          if (!isNew) return new Promise(() => undefined)
          const [result, ms] = answer(address, id)
          return new Promise((resolve) => {
            clock.after(ms, () => {
              resolve(result)
            })
            signal.addEventListener('abort', () => {
              resolve({ ...resultOf('unreachable'), error: { code: 'ERR_ABORTED', text: '' } })
            })
          })
        },
        emit: (_message, id, { outcome }) => {
          if (own !== life) return
          left.set(id, outcome)
        }
      },
      clock
    )
    return delivery
  }

  let delivery = await start()
  const accept = async (): Promise<void> => {
    const id = `${'pqrs'[below(4)] ?? 'p'}${accepted.length}`
    accepted.push(id)
    await delivery.accept({ controlId: id, type: 'ADT^A01', content: id })
    await settled()
  }

  for (let step = 0; step < 40; step++) {
    const chance = random()
    if (chance < 0.5) for (let count = 1 + below(5); count > 0; count--) await accept()
    else if (chance < 0.78) {
      const address = ADDRESSES[below(2)] ?? 'first'
      modes[address] = random() < 0.4 ? 'up' : (MODES[below(MODES.length)] ?? 'up')
    } else if (chance < 0.82) {
      const to = ADDRESSES[below(2)] ?? 'first'
      await delivery.turn(to, 'ann')
    } else if (chance < 0.84) await delivery.tryNow()
    else if (chance < 0.9) {
      // A crash: what it has under way is never heard of again.
      clock.forgetTimers()
      if (random() < 0.5) {
        // What stopped it has stopped the receiver as well.
        modes.first = 'refuses'
        modes.backup = 'up'
      }
      delivery = await start()
      await clock.advance(below(3) * AFTER_MS)
    } else if (chance < 0.93) {
      // A deploy.
      const closed = delivery.close(1000)
      await clock.advance(40_000)
      await closed
      delivery = await start()
    }
    await clock.advance(below(step % 5 === 0 ? 400_000 : 20_000))
  }

  assert.deepEqual(wrong, [])
  // All is well again, and goes where it should.
  modes.first = modes.backup = 'up'
  if (afterMs === 0 || random() < 0.5) await delivery.turn(ADDRESSES[below(2)] ?? 'first', 'ann')
  await clock.advance(1)
  await clock.advance(2_000_000)
  assert.deepEqual(
    accepted.filter((id) => left.get(id) !== 'ack'),
    [],
    'what has not left'
  )
  for (const id of accepted) {
    assert.ok(
      arrived.some((one) => one.id === id),
      `${id} arrived`
    )
  }
  if (afterMs > 0) {
    await delivery.turn('first', 'ann')
    modes.first = 'refuses'
    await accept()
    await clock.advance(3 * AFTER_MS)
    assert.equal(delivery.state().backup?.by, '')
    modes.first = 'up'
    // Nothing waits any longer: the next messages, one by one, find that the first address is back.
    for (let count = 0; count < 3; count++) {
      await accept()
      await clock.advance(700_000)
    }
    assert.equal(delivery.state().backup, null, 'messages go back by themselves')
  }
  assert.deepEqual(wrong, [])
  const state = delivery.state()
  assert.equal(state.queued + state.inFlight, 0)
  await delivery.turn('first', 'ann')
  assert.equal(delivery.state().backup, null)
  await delivery.close(0)
  assert.equal(clock.timers, 0, 'timers that are left')
}

describe('Two addresses', () => {
  for (const order of ['fifo', 'key', 'none'] as const) {
    for (const afterMs of [AFTER_MS, 0]) {
      const kind = afterMs === 0 ? 'turned by people' : 'by itself'
      it(`loses and mixes up nothing: ${order}, ${kind}`, async () => {
        const first = SEED
        for (let seed = first; seed < first + 24; seed++) {
          try {
            await run(seed, { order, afterMs })
          } catch (error) {
            throw new Error(`HL7_SEED=${seed}`, { cause: error })
          }
        }
      })
    }
  }
})
