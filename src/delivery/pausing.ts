import { MOST_REASON, printable } from '../printable.ts'
import type { Pause } from '../queue/queue-event.ts'
import type { OpenedQueue } from '../queue/queue-types.ts'
import { Alarm } from './alarm.ts'
import { queueFailure, type DeliveryEvent } from './delivery-events.ts'
import type { Message } from './message.ts'
import { TRY_AGAIN_MS, type WorkContext } from './work-context.ts'

/** So often, in milliseconds, it is looked whether the end of a pause has come. */
const LOOK_EVERY_MS = 60_000

/** What it needs of the delivery. */
type PausingContext<Content> = Pick<
  WorkContext<Content>,
  'claimMessages' | 'closing' | 'giveUpClock' | 'options' | 'queue' | 'tell'
>

/** Whether a node is paused, and the clocks of its messages, which stop during a pause and restart when it ends. */
export class Pausing<Content> {
  readonly #context: PausingContext<Content>
  /** Those that no resume has ended, oldest first. One that cannot be stored goes. */
  #pauses: readonly Pause[]
  /** Messages with clocks. */
  readonly #messages = new Set<Message<Content>>()
  /** The number of the last fresh start of all clocks that was stored, and that was asked for. */
  #renewals: number
  #lastRenewal: number

  /** The first of them ends by itself. */
  readonly #ends: Alarm

  constructor(
    context: PausingContext<Content>,
    { pause, renewals }: Pick<OpenedQueue, 'pause' | 'renewals'>
  ) {
    this.#context = context
    this.#pauses = layersOf(pause)
    this.#renewals = this.#lastRenewal = renewals
    this.#ends = new Alarm(context.options.clock, () => {
      void this.#endThoseDue()
    })
    this.#setAlarm(0)
  }

  /** Undefined if it is not paused. */
  get current(): Pause | undefined {
    return this.#pauses.at(-1)
  }

  get isPaused(): boolean {
    return this.#pauses.length > 0
  }

  /**
   * Nothing new starts until `resume`; attempts in progress finish. An earlier pause of the same sort is over: there is
   * one of all nodes that send to a host, and one of this node alone.
   *
   * @param by a user name, `flow`, or `''`
   * @throws {QueueError} when that cannot be stored: then it is as if nobody had asked for it
   */
  async pause(by: string, reason: string, more: Pick<Pause, 'until' | 'host'> = {}): Promise<void> {
    const { claimMessages, queue, tell } = this.#context
    const pause = this.#beginPause(by, reason, more)
    try {
      await queue.call('pause', storedPause(this.#without(this.#replacedBy(pause))))
    } catch (error) {
      this.#endPauses([pause])
      claimMessages()
      throw error
    }
    this.#endPauses(this.#replacedBy(pause))
    this.#setAlarm()
    tell({ kind: 'paused', pause })
  }

  /** Pauses at once, and stays paused even if that cannot be stored. */
  async pauseByRule(rule: string): Promise<void> {
    const { queue, tell } = this.#context
    const pause = this.#beginPause('rule', rule)
    tell({ kind: 'paused', pause })
    try {
      await queue.call('pause', storedPause(this.#without(this.#replacedBy(pause))))
      this.#endPauses(this.#replacedBy(pause))
    } catch (error) {
      // Stored are the earlier ones: they stay beneath it.
      tell(queueFailure(error))
    }
  }

  /**
   * Resumes sending, with a new failure timeout for each message and without waiting for retries.
   *
   * @throws {QueueError} when that cannot be stored
   */
  async resume(by: string): Promise<void> {
    // It does not end a pause that is asked for while it is being stored.
    await this.#resume(this.#pauses, { by })
  }

  /**
   * Ends the pause of all nodes that send to a host; another one goes on.
   *
   * @returns whether there was one
   * @throws {QueueError} when that cannot be stored
   */
  async resumeHost(host: string, by: string): Promise<boolean> {
    const ended = this.#pauses.filter((pause) => pause.host === host)
    if (ended.length === 0) return false
    await this.#resume(ended, { by })
    return true
  }

  close(): void {
    this.#ends.close()
  }

  /** @param more who did that, or which end has come */
  async #resume(
    ended: readonly Pause[],
    more: Pick<Extract<DeliveryEvent, { kind: 'resumed' }>, 'by' | 'until'>
  ): Promise<void> {
    const { claimMessages, giveUpClock, queue, tell } = this.#context
    const rest = this.#without(ended)
    if (rest.length > 0) {
      await queue.call('pause', storedPause(rest))
      this.#endPauses(ended)
      return
    }
    const renewals = ++this.#lastRenewal
    await queue.call('resume', renewals)
    this.#renewals = renewals
    for (const message of this.#messages) message.renewClock(renewals, giveUpClock.ms)
    this.#endPauses(ended)
    tell({ kind: 'resumed', ...more })
    claimMessages()
  }

  async #endThoseDue(): Promise<void> {
    const { closing, options, tell } = this.#context
    if (closing.aborted) return
    const now = options.clock.now()
    const due = this.#pauses.filter(({ until = Infinity }) => until <= now)
    const [first] = due
    try {
      if (first?.until !== undefined) await this.#resume(due, { by: '', until: first.until })
    } catch (error) {
      tell(queueFailure(error))
    }
    this.#setAlarm()
  }

  /**
   * Now and then at the least: the clock on the wall may jump.
   *
   * @param lateMs when to end what is over already, in milliseconds: it could not be stored
   */
  #setAlarm(lateMs = TRY_AGAIN_MS): void {
    const ends = this.#pauses.flatMap(({ until }) => (until === undefined ? [] : [until]))
    if (ends.length === 0) return
    const left = Math.min(...ends) - this.#context.options.clock.now()
    this.#ends.setIn(left > 0 ? Math.min(left, LOOK_EVERY_MS) : lateMs)
  }

  /**
   * From now on, a resume restarts the clock of this message, even while it is being worked on.
   *
   * @returns what forgets it
   */
  keepClock(message: Message<Content>): () => void {
    // It was read before the last renewal.
    if (message.renewals < this.#renewals) {
      message.renewClock(this.#renewals, this.#context.giveUpClock.ms)
    }
    this.#messages.add(message)
    return () => {
      this.#messages.delete(message)
    }
  }

  #beginPause(
    by: string,
    reason: string,
    { host, until }: Pick<Pause, 'until' | 'host'> = {}
  ): Pause {
    const at = this.#context.options.clock.now()
    const pause: Pause = {
      at,
      by,
      reason: printable(reason, MOST_REASON),
      ...(until !== undefined && { until }),
      ...(host !== undefined && { host })
    }
    this.#pauses = [...this.#pauses, pause]
    return pause
  }

  /** Earlier ones of the same sort. */
  #replacedBy(pause: Pause): readonly Pause[] {
    return this.#pauses
      .slice(0, this.#pauses.indexOf(pause))
      .filter(({ host }) => (host === undefined) === (pause.host === undefined))
  }

  #without(ended: readonly Pause[]): readonly Pause[] {
    return this.#pauses.filter((pause) => !ended.includes(pause))
  }

  #endPauses(ended: readonly Pause[]): void {
    this.#pauses = this.#without(ended)
  }
}

/** As it is stored: the newest one, with an earlier one of the other sort beneath it. */
function storedPause(pauses: readonly Pause[]): Pause {
  const [first = { at: 0, by: '', reason: '' }, ...later] = pauses
  return later.reduce((beneath, pause) => ({ ...pause, beneath }), first)
}

/** Oldest first. */
function layersOf(pause: Pause | undefined): readonly Pause[] {
  if (pause === undefined) return []
  const { beneath, ...newest } = pause
  return [...layersOf(beneath), newest]
}
