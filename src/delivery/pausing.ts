import { printable } from '../printable.ts'
import type { Pause } from '../queue/queue-event.ts'
import type { OpenedQueue } from '../queue/queue-types.ts'
import type { Message } from './message.ts'
import type { WorkContext } from './work-context.ts'

/** So many characters of a reason are kept. */
const MOST_REASON = 200

/** Whether a node is paused, and the clocks of its messages, which stop during a pause and restart when it ends. */
export class Pausing<Content> {
  readonly #context: WorkContext<Content>
  #pause: Pause | undefined
  /** What applies if the pause that is being stored fails. */
  #certain: Pause | undefined
  /** How often it was paused. */
  #pauses = 0
  /** Messages with clocks. */
  readonly #messages = new Set<Message<Content>>()
  /** The number of the last renewal of all clocks that was stored, and that was asked for. */
  #renewals: number
  #lastRenewal: number

  constructor(
    context: WorkContext<Content>,
    { pause, renewals }: Pick<OpenedQueue, 'pause' | 'renewals'>
  ) {
    this.#context = context
    this.#pause = this.#certain = pause
    this.#renewals = this.#lastRenewal = renewals
  }

  /** Undefined if it is not paused. */
  get current(): Pause | undefined {
    return this.#pause
  }

  get isPaused(): boolean {
    return this.#pause !== undefined
  }

  /**
   * Nothing new starts until `resume`; attempts in progress finish.
   *
   * @param by a user name, `flow`, or `''`
   * @throws {QueueError} when that cannot be stored: then the node is not paused
   */
  async pause(by: string, reason: string): Promise<void> {
    const { claimMessages, queue, tell } = this.#context
    const pause = this.#beginPause(by, reason)
    try {
      await queue.pause(pause)
    } catch (error) {
      if (this.#pause === pause) this.#pause = this.#certain
      claimMessages()
      throw error
    }
    if (this.#pause === pause) this.#certain = pause
    tell({ kind: 'paused', pause })
  }

  /** Pauses at once, and stays paused even if that cannot be stored. */
  async pauseByRule(rule: string): Promise<void> {
    const { queue, tell } = this.#context
    const pause = this.#beginPause('rule', rule)
    this.#certain = pause
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
    const pauses = this.#pauses
    const renewals = ++this.#lastRenewal
    await queue.resume(renewals)
    this.#renewals = renewals
    const now = options.clock.monotonic()
    for (const message of this.#messages) message.renewClock(renewals, now)
    // Unless it has been paused again meanwhile.
    if (this.#pauses === pauses) this.#pause = this.#certain = undefined
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
    this.#pauses++
    this.#pause = { at, by, reason: printable(reason, MOST_REASON) }
    return this.#pause
  }
}
