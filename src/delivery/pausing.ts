import { printable } from '../printable.ts'
import type { Pause } from '../queue/queue-event.ts'
import type { OpenedQueue } from '../queue/queue-types.ts'
import type { Message } from './message.ts'
import type { WorkContext } from './work-context.ts'

/** So many characters of a reason are kept. */
const MOST_REASON = 200

/** What it needs of the delivery. */
type PausingContext<Content> = Pick<
  WorkContext<Content>,
  'claimMessages' | 'options' | 'queue' | 'tell'
>

/** Whether a node is paused, and the clocks of its messages, which stop during a pause and restart when it ends. */
export class Pausing<Content> {
  readonly #context: PausingContext<Content>
  /** Those that no resume has ended, oldest first. One that cannot be stored goes. */
  #pauses: readonly Pause[]
  /** Messages with clocks. */
  readonly #messages = new Set<Message<Content>>()
  /** The number of the last renewal of all clocks that was stored, and that was asked for. */
  #renewals: number
  #lastRenewal: number

  constructor(
    context: PausingContext<Content>,
    { pause, renewals }: Pick<OpenedQueue, 'pause' | 'renewals'>
  ) {
    this.#context = context
    this.#pauses = pause === undefined ? [] : [pause]
    this.#renewals = this.#lastRenewal = renewals
  }

  /** Undefined if it is not paused. */
  get current(): Pause | undefined {
    return this.#pauses.at(-1)
  }

  get isPaused(): boolean {
    return this.#pauses.length > 0
  }

  /**
   * Nothing new starts until `resume`; attempts in progress finish.
   *
   * @param by a user name, `flow`, or `''`
   * @throws {QueueError} when that cannot be stored: then it is as if nobody had asked for it
   */
  async pause(by: string, reason: string): Promise<void> {
    const { claimMessages, queue, tell } = this.#context
    const pause = this.#beginPause(by, reason)
    try {
      await queue.pause(pause)
    } catch (error) {
      this.#endPauses([pause])
      claimMessages()
      throw error
    }
    // In the file, it takes the place of earlier ones.
    this.#endPauses(this.#pauses.slice(0, this.#pauses.indexOf(pause)))
    tell({ kind: 'paused', pause })
  }

  /** Pauses at once, and stays paused even if that cannot be stored. */
  async pauseByRule(rule: string): Promise<void> {
    const { queue, tell } = this.#context
    const pause = this.#beginPause('rule', rule)
    tell({ kind: 'paused', pause })
    await queue.pause(pause).catch(() => {
      tell({ kind: 'queue-failed', code: 'HL7_QUEUE_FAILED' })
    })
  }

  /**
   * Resumes sending, with a new failure timeout for each message and without waiting for retries.
   *
   * @throws {QueueError} when that cannot be stored
   */
  async resume(by: string): Promise<void> {
    const { claimMessages, options, queue, tell } = this.#context
    // It does not end a pause that is asked for while it is being stored.
    const pauses = this.#pauses
    const renewals = ++this.#lastRenewal
    await queue.resume(renewals)
    this.#renewals = renewals
    const now = options.clock.monotonic()
    for (const message of this.#messages) message.renewClock(renewals, now)
    this.#endPauses(pauses)
    tell({ kind: 'resumed', by })
    claimMessages()
  }

  /**
   * From now on, a resume restarts the clock of this message, even while it is being worked on.
   *
   * @returns what forgets it
   */
  keepClock(message: Message<Content>): () => void {
    // It was read before the last renewal.
    if (message.renewals < this.#renewals) {
      message.renewClock(this.#renewals, this.#context.options.clock.monotonic())
    }
    this.#messages.add(message)
    return () => {
      this.#messages.delete(message)
    }
  }

  #beginPause(by: string, reason: string): Pause {
    const at = this.#context.options.clock.now()
    const pause = { at, by, reason: printable(reason, MOST_REASON) }
    this.#pauses = [...this.#pauses, pause]
    return pause
  }

  #endPauses(ended: readonly Pause[]): void {
    this.#pauses = this.#pauses.filter((pause) => !ended.includes(pause))
  }
}
