import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Address } from '../../src/delivery/failover.ts'
import type { Order } from '../../src/queue/queue-types.ts'
import type { Authority } from '../support/certificates.ts'
import { BrokenPromises, Life, Notes } from '../support/life.ts'
import { generator } from '../support/random.ts'
import type { BackupSettings } from './backup-process.ts'
import { Door, DOOR_MODES, type DoorMode } from './door.ts'

const script = new URL('backup-process.ts', import.meta.url)
const KEYS = 12
const AFTER_MS = 200
const RESPONSE_TIMEOUT_MS = 400
/** So many messages come together. */
const AT_ONCE = 4

export interface BackupTrial {
  order: Order
  messages: number
  /** So many things happen to the receivers and the process besides those of `REBOOTS`. */
  steps: number
  seed: number
}

/** What happens, and how long it lasts, in milliseconds. */
type Step = [what: 'kill' | Partial<Record<Address, DoorMode>>, ms: number]

/** Reboots in every order: an application server breaks off, is gone, starts with 503 and 404, and is back. */
const REBOOTS: readonly Step[] = [
  // The first one.
  [{ first: 'down' }, 700],
  [{ first: 503 }, 60],
  [{ first: 404 }, 60],
  [{ first: 'up' }, 500],
  // The first one, and the backup while it serves.
  [{ first: 'down' }, 700],
  [{ backup: 'down' }, 400],
  [{ backup: 'up' }, 300],
  [{ first: 503 }, 100],
  [{ first: 'up' }, 500],
  // Both: the one that went last comes back first.
  [{ backup: 'down' }, 100],
  [{ first: 'down' }, 700],
  [{ first: 'up' }, 300],
  [{ backup: 'up' }, 500],
  // The first one again and again.
  [{ first: 'down' }, 600],
  [{ first: 'up' }, 500],
  [{ first: 'down' }, 150],
  [{ first: 'up' }, 600],
  // What stops the process in the middle of that.
  [{ first: 'mute' }, 300],
  ['kill', 100],
  [{ first: 'down' }, 700],
  ['kill', 600],
  [{ first: 'up' }, 500]
]

/** What became of the messages. */
export interface BackupFindings {
  /** Against the rules; empty if they were kept. */
  broken: string[]
  accepted: number
  storedAtFirst: number
  storedAtBackup: number
  storedTwice: number
  atBoth: number
  requests: number
  kills: number
  turns: number
}

interface Stored {
  address: Address
  id: string
}

/** A process that delivers, killed again and again, and two receivers that come and go. */
class Trial {
  readonly #trial: BackupTrial
  readonly #settings: BackupSettings
  readonly #notes: Notes
  readonly #doors: Record<Address, Door>
  readonly #stored: Stored[]
  readonly #random: () => number
  /** At the end of a life, it was stored and not known to have left. */
  readonly #unknown = new Set<string>()
  #life: Life
  #given = 0
  #kills = 0

  constructor(
    trial: BackupTrial,
    settings: BackupSettings,
    doors: Record<Address, Door>,
    stored: Stored[],
    random: () => number
  ) {
    this.#trial = trial
    this.#settings = settings
    this.#notes = new Notes(settings.log)
    this.#doors = doors
    this.#stored = stored
    this.#random = random
    this.#life = this.#start()
  }

  async run(): Promise<BackupFindings> {
    const steps = [...REBOOTS, ...Array.from({ length: this.#trial.steps }, () => this.#anyStep())]
    try {
      for (const [index, step] of steps.entries()) {
        const [, ms] = step
        const until = (this.#trial.messages * (index + 1)) / steps.length
        await this.#take(step)
        await Promise.all([sleep(ms), this.#accept(until, ms)])
      }
      for (const door of Object.values(this.#doors)) await door.set('up')
      await this.#drained()
      return this.#findings()
    } finally {
      await this.#life.kill()
      for (const door of Object.values(this.#doors)) await door.set('down')
    }
  }

  #start(): Life {
    return new Life(script, this.#settings)
  }

  async #take([what]: Step): Promise<void> {
    if (what !== 'kill') {
      for (const address of ['first', 'backup'] as const) {
        const { [address]: mode } = what
        if (mode !== undefined) await this.#doors[address].set(mode)
      }
      return
    }
    await this.#life.kill()
    this.#kills++
    const left = this.#notes.ids('left')
    for (const { id } of this.#stored) if (!left.has(id)) this.#unknown.add(id)
    this.#life = this.#start()
  }

  #anyStep(): Step {
    const random = this.#random
    const ms = 20 + random() * random() * 800
    if (random() < 0.1) return ['kill', ms]
    const address = random() < 0.6 ? 'first' : 'backup'
    const modes: readonly DoorMode[] = random() < 0.45 ? ['up'] : DOOR_MODES
    return [{ [address]: modes[Math.floor(random() * modes.length)] ?? 'up' }, ms]
  }

  /** Messages come, evenly in so many milliseconds, up to so many in all. */
  async #accept(until: number, ms: number): Promise<void> {
    const { messages } = this.#trial
    const pauseMs = (ms * AT_ONCE) / Math.max(1, until - this.#given)
    while (this.#given < Math.min(until, messages)) {
      const count = Math.min(AT_ONCE, messages - this.#given)
      const ids = Array.from({ length: count }, (_, at) => {
        const number = this.#given + at
        return `K${number % KEYS}-${number}`
      })
      this.#given += count
      const accepted = once(this.#life.child, 'message')
      this.#life.child.send(ids)
      await accepted
      await sleep(pauseMs)
    }
  }

  async #drained(): Promise<void> {
    const end = Date.now() + 120_000 + 60 * this.#trial.messages
    const accepted = this.#notes.ids('accepted')
    while (Date.now() < end) {
      const left = this.#notes.ids('left')
      if ([...accepted].every((id) => left.has(id))) return
      await sleep(100)
    }
  }

  #findings(): BackupFindings {
    const broken = new BrokenPromises()
    const { lines } = this.#notes
    const accepted = this.#notes.ids('accepted')
    const left = this.#notes.ids('left')
    for (const [kind = '', id = '', outcome] of lines) {
      if (kind === 'lost' || kind === 'fault') broken.add(kind, id)
      if (kind === 'left' && outcome !== 'ack') broken.add(`left as ${outcome}`, id)
    }
    const at = (address: Address): Set<string> =>
      new Set(this.#stored.filter((one) => one.address === address).map(({ id }) => id))
    const [first, backup] = [at('first'), at('backup')]
    broken.compare({ accepted, arrived: new Set([...first, ...backup]), left })
    const both = [...first].filter((id) => backup.has(id))
    const { first: door, backup: other } = this.#doors
    // On a busy machine, an answer that was written may be read too late.
    const unanswered = this.#notes.ids('unanswered')
    for (const id of both) {
      const isDoubtful = door.doubtful.has(id) || other.doubtful.has(id) || unanswered.has(id)
      const mayBe = isDoubtful || this.#unknown.has(id)
      if (!mayBe) broken.add('at both without a reason', id)
    }
    for (const id of this.#overtaken()) broken.add('overtaken', id)
    return {
      broken: broken.list,
      accepted: accepted.size,
      storedAtFirst: first.size,
      storedAtBackup: backup.size,
      storedTwice: this.#stored.length - new Set(this.#stored.map(({ id }) => id)).size,
      atBoth: both.length,
      requests: door.requests + other.requests,
      kills: this.#kills,
      turns: lines.filter(([kind]) => kind === 'turned').length
    }
  }

  /** In each lane, the last time that a message was stored is before the first time of the next one. */
  #overtaken(): string[] {
    const { order } = this.#trial
    if (order === 'none') return []
    const firstAt = new Map<string, number>()
    const lastAt = new Map<string, number>()
    for (const [index, { id }] of this.#stored.entries()) {
      if (!firstAt.has(id)) firstAt.set(id, index)
      lastAt.set(id, index)
    }
    const before = new Map<string, string>()
    const numberOf = (id: string): number => Number(id.split('-')[1])
    const ids = [...firstAt.keys()].sort((a, b) => numberOf(a) - numberOf(b))
    return ids.filter((id) => {
      const lane = order === 'fifo' ? '' : (id.split('-')[0] ?? '')
      const earlier = before.get(lane) ?? ''
      before.set(lane, id)
      return (lastAt.get(earlier) ?? -1) > (firstAt.get(id) ?? 0)
    })
  }
}

/** @param directory for the queue and the log */
export async function backupTrial(
  trial: BackupTrial,
  directory: string,
  authorities: { own: Authority; other: Authority }
): Promise<BackupFindings> {
  const random = generator(trial.seed)
  const stored: Stored[] = []
  const onStored = (address: Address, id: string): void => {
    stored.push({ address, id })
  }
  const certificates = {
    own: await authorities.own.issueServer(),
    other: await authorities.other.issueServer()
  }
  const doors = {
    first: new Door('first', certificates, onStored, random),
    backup: new Door('backup', certificates, onStored, random)
  }
  await doors.first.set('up')
  await doors.backup.set('up')
  const settings: BackupSettings = {
    directory,
    log: join(directory, 'log'),
    order: trial.order,
    first: doors.first.url,
    backup: doors.backup.url,
    ca: authorities.own.ca,
    afterMs: AFTER_MS,
    responseTimeoutMs: RESPONSE_TIMEOUT_MS
  }
  return new Trial(trial, settings, doors, stored, random).run()
}
