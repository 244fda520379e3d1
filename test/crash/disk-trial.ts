import { setTimeout as sleep } from 'node:timers/promises'
import { BrokenPromises } from '../support/life.ts'
import { generator } from '../support/random.ts'
import type { SmallDisk } from '../support/small-disk.ts'
import { DeliveryLife } from './delivery-life.ts'
import type { DeliveryLog, Findings } from './delivery-log.ts'
import type { FoundMessage, Holdings, ReplyKind } from './delivery-process.ts'
import type { DiskTrialCase } from './disk-trial-cases.ts'

/** A queue that does not get shorter for so long is stuck; its thread tidies up after two seconds. */
const STUCK_MS = 20_000
/** Nothing happens for so long: what can happen on a full disk has happened. */
const QUIET_MS = 500
const LOOK_MS = 20
/** No case takes so long, unless something goes wrong again and again. */
const LONGEST_MS = 120_000
const MAX_IN_FLIGHT = 8
/** How often the process is killed. */
const KILLS = 4
/** One of them at most so long after its start, in milliseconds. */
const EARLY_MS = 500
/** What the log takes for a message that comes, and for one that leaves, in bytes. */
const LOG_BYTES_IN = 14
const LOG_BYTES = 60
/** More messages than may be on their way into the queue when the process is killed. */
const UNKNOWN_IDS = 200
/** Messages that come afterwards. */
const MORE = 100
const MORE_BYTES_AT_ONCE = 100_000
/** Messages that an operator settles. */
const OPERATED = 30

/** Something was not as it has to be; the trial ends with it. */
class BrokenPromise extends Error {}

/** One case, on its disk: what the process does there, and what becomes of its messages. */
export class DiskTrial {
  readonly #case: DiskTrialCase
  readonly #disk: SmallDisk
  readonly #log: DeliveryLog
  readonly #random: () => number
  #life: DeliveryLife
  #reply: ReplyKind = 'accept'
  #nextId = 1
  #broken: string[] = []
  readonly #deadline = performance.now() + LONGEST_MS

  constructor(trial: DiskTrialCase, disk: SmallDisk, log: DeliveryLog, seed: number) {
    this.#case = trial
    this.#disk = disk
    this.#log = log
    this.#random = generator(seed)
    this.#life = this.#start()
  }

  /** @returns what happened, and what of it must not have happened */
  async run(): Promise<Findings> {
    try {
      await this.#runScenario()
      await this.#acceptMore()
      await this.#reopen()
    } catch (error) {
      // Whatever ended it: what has happened until then tells more.
      this.#broken.push(error instanceof Error ? error.message : 'unknown error')
    } finally {
      await this.#life.kill()
    }
    const findings = this.#log.findings({
      places: this.#case.order === 'fifo' ? 1 : MAX_IN_FLIGHT,
      mayForgetOutcomes: this.#case.filledBy !== 'itself'
    })
    return { ...findings, broken: [...this.#broken, ...findings.broken] }
  }

  async #runScenario(): Promise<void> {
    switch (this.#case.scenario) {
      case 'drain':
        return this.#drain()
      case 'suspended':
        return this.#setAside('suspend')
      case 'awaiting':
        return this.#setAside('await')
      case 'operator':
        return this.#operate()
    }
  }

  /** The messages that fill the disk leave, or they stay until another program has freed its space. */
  async #drain(): Promise<void> {
    const { filledBy } = this.#case
    await this.#life.ask('pause', 'not yet')
    if (filledBy === 'itself') await this.#fillThoughKilled()
    else await this.#acceptSome(0.3)
    if (filledBy === 'another') this.#disk.fillUp()
    await this.#tryToResume()
    if (filledBy === 'itself') await this.#killOften(KILLS)
    else await this.#onFullDisk()
    await this.#drained()
  }

  /** Another program has filled the disk, or begins to, and frees it at last. */
  async #onFullDisk(): Promise<void> {
    const isFlood = this.#case.filledBy === 'flood'
    if (isFlood) await this.#untilLogHasGrown(0.7 * this.#random() * this.#nextId * LOG_BYTES)
    const flood = isFlood
      ? setInterval(() => {
          this.#disk.fillUp()
        }, LOOK_MS)
      : undefined
    try {
      await this.#killOften(KILLS / 2)
      // What is accepted now has to leave, and what is refused must not be sent.
      await this.#acceptIfPossible(5)
      await this.#untilQuiet()
    } finally {
      clearInterval(flood)
      this.#disk.cleanUp()
    }
    await this.#killOften(KILLS / 2)
  }

  /**
   * All are suspended, or await an acknowledgement, with an answer that takes more room than the message. Then an
   * operator resends them, or the acknowledgements come.
   */
  async #setAside(reply: 'suspend' | 'await'): Promise<void> {
    await this.#life.ask('pause', 'not yet')
    await this.#fill()
    await this.#replyWith(reply)
    await this.#tryToResume()
    await this.#killOften(KILLS / 2)
    await this.#untilQuiet()
    await this.#replyWith('accept')
    if (this.#case.isKilled) {
      await this.#opened()
      await this.#settleAside()
    }
    await this.#killOften(KILLS / 2)
    await this.#drained()
  }

  /** Acknowledgements come, and an operator discards and pauses: what was promised holds after SIGKILL. */
  async #operate(): Promise<void> {
    const awaiting = await this.#prepared('await')
    const suspended = await this.#prepared('suspend')
    await this.#replyWith('accept')
    await this.#life.ask('pause', '0')
    if (this.#case.filledBy === 'itself') await this.#fill()
    else this.#disk.fillUp()
    const operating = this.#life.ask(
      'operate',
      awaiting,
      suspended,
      Math.floor(this.#random() * 1e9)
    )
    const ended = operating.catch(() => undefined)
    await this.#untilLogHasGrown(this.#random() * OPERATED * 2 * 3 * 20, ended)
    await this.#life.kill()
    if (this.#case.filledBy === 'another') this.#disk.cleanUp()
    const lines = this.#log.lines
    this.#life = this.#start()
    await this.#opened()
    this.#judgeOperations(lines, await this.#life.ask('find'), await this.#life.ask('holdings'))
    await this.#life.ask('acknowledgeAll')
    await this.#life.ask('discard').catch(() => 0)
    await this.#tryToResume()
    await this.#drained()
  }

  /** Messages that were sent and then await an acknowledgement, or are suspended. */
  async #prepared(reply: 'await' | 'suspend'): Promise<number[]> {
    await this.#replyWith(reply)
    const first = this.#nextId
    this.#nextId += OPERATED
    await this.#life.ask('accept', first, OPERATED, this.#case.messageBytes)
    await this.#until(async () => {
      const { awaiting, suspended } = await this.#life.ask('holdings')
      return (reply === 'await' ? awaiting : suspended) === OPERATED
    }, `not all messages ${reply}`)
    return Array.from({ length: OPERATED }, (_, i) => first + i)
  }

  /**
   * @param lines of the log until SIGKILL
   * @param found afterwards, while nothing has been handed on
   */
  #judgeOperations(lines: string[][], found: FoundMessage[], { pause }: Holdings): void {
    const states = new Map(found.map(({ id, state }) => [String(id), state]))
    const emitted = new Set(lines.flatMap(([what, id = '']) => (what === 'emitted' ? [id] : [])))
    const operations = lines.filter(([what = '']) => ['begun', 'done', 'failed'].includes(what))
    const broken = new BrokenPromises()
    let certain = '0'
    let possible: string | undefined
    for (const [came, what, name = ''] of operations) {
      if (what === 'pause') {
        if (came === 'done') certain = name
        possible = came === 'begun' ? name : undefined
        continue
      }
      const before = what === 'discard' ? 'suspended' : 'awaiting'
      const state = states.get(name) ?? 'gone'
      const isThere = state === before
      if (came === 'done' && (isThere || !emitted.has(name))) {
        broken.add(`${what} was promised, but the message is ${state}`, name)
      }
      if (came === 'failed' && (!isThere || emitted.has(name))) {
        broken.add(`${what} was refused, but the message is ${state}`, name)
      }
    }
    if (pause !== certain && (pause === undefined || pause !== possible)) {
      broken.add(`a pause was promised, but the last one is ${pause ?? 'none'}`, certain)
    }
    this.#broken.push(...broken.list)
  }

  /** When the queue is empty, it works as on the first day. */
  async #acceptMore(): Promise<void> {
    const { messageBytes } = this.#case
    const atOnce = Math.max(1, Math.floor(MORE_BYTES_AT_ONCE / messageBytes))
    for (let left = MORE; left > 0;) {
      const count = Math.min(left, atOnce)
      const accepted = await this.#accept(count)
      if (accepted < count) {
        const { fault } = await this.#life.ask('holdings')
        throw new BrokenPromise(
          `refuses messages though it is empty: ${fault}, ${this.#disk.free} bytes are free`
        )
      }
      await this.#drained()
      left -= count
    }
  }

  /** What has left before does not leave again, which comes before the next message. */
  async #reopen(): Promise<void> {
    await this.#life.close()
    this.#life = this.#start()
    await this.#opened()
    await this.#accept(1)
    await this.#drained()
    await this.#life.close()
  }

  #start(): DeliveryLife {
    const { journalDays, order, replyBytes } = this.#case
    return new DeliveryLife({
      directory: this.#disk.place,
      log: this.#log.path,
      ...{ order, journalDays, replyBytes },
      maxInFlight: MAX_IN_FLIGHT,
      reply: this.#reply
    })
  }

  /** Messages come until they are refused. */
  async #fill(): Promise<void> {
    this.#nextId = await this.#life.ask('fill', this.#nextId, this.#case.messageBytes)
  }

  /** What was accepted by then has to leave, too. */
  async #fillThoughKilled(): Promise<void> {
    const { isKilled, megabytes, messageBytes } = this.#case
    if (isKilled) {
      const most = (megabytes * 2 ** 20) / (messageBytes + 500)
      const filling = this.#fill().catch(() => undefined)
      await this.#untilLogHasGrown(this.#random() * most * LOG_BYTES_IN, filling)
      await this.#life.kill()
      await filling
      const ids = this.#log.lines.map(([, id]) => Number(id)).filter(Number.isInteger)
      this.#nextId = Math.max(1, ...ids.slice(-UNKNOWN_IDS)) + UNKNOWN_IDS
      this.#life = this.#start()
      await this.#opened()
    }
    await this.#fill()
  }

  /** Messages come that take a part of the disk. */
  async #acceptSome(part: number): Promise<void> {
    const { megabytes, messageBytes } = this.#case
    const perMessage = 2 * (messageBytes + 500)
    const count = Math.max(MAX_IN_FLIGHT, Math.floor((part * megabytes * 2 ** 20) / perMessage))
    const atOnce = Math.max(1, Math.floor(MORE_BYTES_AT_ONCE / messageBytes))
    for (let left = count; left > 0; left -= atOnce) await this.#accept(Math.min(left, atOnce))
  }

  /** @returns how many were accepted */
  #accept(count: number): Promise<number> {
    const first = this.#nextId
    this.#nextId += count
    return this.#life.ask('accept', first, count, this.#case.messageBytes)
  }

  /** Not while the queue cannot be opened. */
  async #acceptIfPossible(count: number): Promise<void> {
    const { isOpen } = await this.#life.ask('holdings')
    if (isOpen) await this.#accept(count)
  }

  async #replyWith(reply: ReplyKind): Promise<void> {
    this.#reply = reply
    await this.#life.ask('replyWith', reply)
  }

  /** On a disk that is full, it may stay paused. */
  async #tryToResume(): Promise<void> {
    await this.#life.ask('resume').catch(() => undefined)
  }

  /** What is suspended is resent, and acknowledgements come, as far as there is room. */
  async #settleAside(): Promise<void> {
    await this.#life.ask('resend').catch(() => 0)
    await this.#life.ask('acknowledgeAll')
  }

  async #opened(): Promise<void> {
    await this.#until(async () => (await this.#life.ask('holdings')).isOpen, 'does not open')
  }

  /**
   * Waits until nothing is held. Resumes, if there was no room for that before, resends what is suspended, and
   * acknowledges what awaits it.
   */
  async #drained(): Promise<void> {
    let least = Infinity
    let deadline = performance.now() + STUCK_MS
    for (;;) {
      const { isOpen, held, suspended, awaiting, pause, fault } = await this.#life.ask('holdings')
      if (isOpen && held === 0) return
      if (isOpen && held < least) {
        least = held
        deadline = performance.now() + STUCK_MS
      }
      if (performance.now() > deadline) {
        const what = isOpen ? `${held} messages are stuck` : 'the queue does not open'
        throw new BrokenPromise(`${what}: ${fault}, ${this.#disk.free} bytes are free`)
      }
      if (pause !== undefined) await this.#tryToResume()
      if (suspended + awaiting > 0) await this.#settleAside()
      await this.#wait(LOOK_MS)
    }
  }

  /** Kills the process at random moments, and starts it again. Every other time early, perhaps before it is open. */
  async #killOften(kills: number): Promise<void> {
    if (!this.#case.isKilled) return
    for (let kill = 0; kill < kills; kill++) {
      if (kill % 2 === 1) await sleep(this.#random() * EARLY_MS)
      else await this.#untilLogHasGrown((this.#random() * this.#nextId * LOG_BYTES * 2) / KILLS)
      await this.#life.kill()
      this.#life = this.#start()
    }
  }

  /** Or no longer grows, or something else has ended. */
  async #untilLogHasGrown(bytes: number, ended?: Promise<unknown>): Promise<void> {
    const wanted = this.#log.size + bytes
    const state = { hasEnded: false }
    void ended?.then(() => {
      state.hasEnded = true
    })
    let size = -1
    let quietSince = performance.now()
    for (;;) {
      const before = size
      size = this.#log.size
      if (state.hasEnded || size >= wanted) return
      if (size > before) quietSince = performance.now()
      if (performance.now() - quietSince > QUIET_MS) return
      await this.#wait(1)
    }
  }

  /** Nothing happens any more. */
  async #untilQuiet(): Promise<void> {
    await this.#untilLogHasGrown(Infinity)
  }

  async #wait(ms: number): Promise<void> {
    if (performance.now() > this.#deadline) throw new BrokenPromise('there is no end to it')
    await sleep(ms)
  }

  async #until(isSo: () => Promise<boolean>, otherwise: string): Promise<void> {
    const deadline = performance.now() + STUCK_MS
    while (!(await isSo())) {
      if (performance.now() > deadline) {
        const { fault } = await this.#life.ask('holdings')
        throw new BrokenPromise(`${otherwise}: ${fault}, ${this.#disk.free} bytes are free`)
      }
      await this.#wait(LOOK_MS)
    }
  }
}
