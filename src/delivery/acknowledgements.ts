import { english } from '../english.ts'
import { sleep } from '../clock.ts'
import type { Acknowledgement } from '../hl7/acknowledgement.ts'
import type { Claim } from '../queue/message-queue.ts'
import type { MessageRow } from '../queue/message-row.ts'
import type { Late } from '../rules/reply-rules.ts'
import { Alarm } from './alarm.ts'
import type { AttemptResult } from './attempt-result.ts'
import { Message } from './message.ts'
import type { Moving } from './moving.ts'
import type { Pausing } from './pausing.ts'
import { closingError, isGone, lost } from './queue-errors.ts'
import type { Sending } from './sending.ts'
import { settlementOf, type Settlement } from './settlement.ts'
import { verdictOf } from './verdict.ts'
import {
  moved,
  settledMessage,
  TRY_AGAIN_MS,
  type WorkContext,
  type WorkInProgress
} from './work-context.ts'
import { queueFailure } from './delivery-events.ts'

/** Why a message is suspended or fails whose application acknowledgement did not come. */
export const ACK_TIMEOUT = 'ERR_ACK_TIMEOUT'

/** So many messages whose time is up are worked on at once. */
const AT_ONCE = 100

/** An application acknowledgement: what the rules make of it is found out for its message. */
export interface ApplicationAck {
  /** MSA-2: the control ID of the message that it is about; what else it may be, its first component, comes last. */
  readonly controlIds: readonly string[]
  readonly judge: (about: MessageRow) => AttemptResult
}

/** What it needs of the delivery. */
type AcknowledgementsContext<Content> = Pick<
  WorkContext<Content>,
  'closing' | 'options' | 'queue' | 'tell' | 'track' | 'works'
>

/**
 * Messages that were accepted and await their application acknowledgement (enhanced mode, HL7 v2.5.1
 * §2.9.3), and what follows if it comes or its time is up.
 */
export class Acknowledgements<Content> {
  readonly #context: AcknowledgementsContext<Content>
  readonly #pausing: Pausing<Content>
  readonly #moving: Moving<Content>
  readonly #sending: Sending<Content>
  /** The time of an awaiting message is up. */
  readonly #alarm: Alarm
  #isSettling = false
  /** Since then more may have become late. */
  #settlesAgain = false

  constructor(
    context: AcknowledgementsContext<Content>,
    pausing: Pausing<Content>,
    moving: Moving<Content>,
    sending: Sending<Content>
  ) {
    this.#context = context
    this.#pausing = pausing
    this.#moving = moving
    this.#sending = sending
    this.#alarm = new Alarm(context.options.clock, () => {
      this.settleLate()
    })
  }

  /**
   * An application acknowledgement has come: the oldest message with its control ID that awaits one takes it, else
   * one that was suspended because none came, else one that is just being sent, as soon as it awaits.
   *
   * @returns whether a message takes it; once what follows is stored
   * @throws {QueueError} when it cannot be stored: nothing has changed, and it may come again
   */
  async acknowledge(ack: ApplicationAck): Promise<boolean> {
    const { closing, queue, works } = this.#context
    if (closing.aborted) throw closingError()
    const waitedFor = new Set<WorkInProgress>()
    for (;;) {
      for (const id of ack.controlIds) {
        const claim = await queue.call('claimAwaiting', id, ACK_TIMEOUT)
        if (claim === undefined) continue
        return this.#workOn(claim, (message) => this.#takeAcknowledgement(message, ack))
      }
      // One with which something else happens may await it afterwards.
      const other = [...works].find(
        (work) => ack.controlIds.some((id) => id === work.controlId) && !waitedFor.has(work)
      )
      if (other === undefined) {
        // What follows from an attempt may not be stored: nobody knows whether its message awaits one.
        if (this.#context.closing.aborted) throw closingError()
        return false
      }
      waitedFor.add(other)
      await other.ended
    }
  }

  /** The time of awaiting messages may be up: settles those, and sets the alarm for the next one. */
  settleLate(): void {
    const { closing, queue, track } = this.#context
    if (closing.aborted || queue.counts.awaiting === 0) return
    if (this.#isSettling) {
      this.#settlesAgain = true
      return
    }
    this.#settlesAgain = false
    this.#isSettling = true
    void track(this.#settleAll()).finally(() => {
      this.#isSettling = false
      this.setAlarm()
      if (this.#settlesAgain) this.settleLate()
    })
  }

  /** For the next awaiting message; while late ones are settled, that comes afterwards. */
  setAlarm(): void {
    const { closing, queue } = this.#context
    if (closing.aborted || this.#isSettling || queue.counts.awaiting === 0) return
    this.#alarm.setIn(queue.summary.nextLateInMs)
  }

  close(): void {
    this.#alarm.close()
  }

  /** Settles the messages whose time is up. Never rejects. */
  async #settleAll(): Promise<void> {
    const { closing, options, tell } = this.#context
    while (!closing.aborted) {
      try {
        if (!(await this.#settleSome())) return
      } catch (error) {
        tell(queueFailure(error))
        await sleep(options.clock, TRY_AGAIN_MS, closing)
      }
    }
  }

  /**
   * @returns whether there may be more
   * @throws {QueueError} when one cannot be read or stored: it stays as it was
   */
  async #settleSome(): Promise<boolean> {
    const late = await this.#context.queue.call('claimLate', AT_ONCE)
    const settling = late.map((claim) =>
      this.#workOn(claim, (message) => this.#settleLateOne(message))
    )
    const failed = (await Promise.allSettled(settling)).find(({ status }) => status === 'rejected')
    if (failed?.status === 'rejected') throw failed.reason
    return late.length > 0
  }

  /**
   * Works on a message that was handed out. If that fails, it stays as it was.
   *
   * @returns true: it was there, even if it is lost
   */
  #workOn(claim: Claim, act: (message: Message<Content>) => Promise<void>): Promise<boolean> {
    return this.#context.track(this.#work(claim, act), claim.row.controlId)
  }

  async #work(claim: Claim, act: (message: Message<Content>) => Promise<void>): Promise<boolean> {
    const { queue, tell } = this.#context
    let forgetClock: (() => void) | undefined
    try {
      const { row, content, outcome } = await queue.restore(claim)
      const message = new Message(row, content, outcome)
      forgetClock = this.#pausing.keepClock(message)
      await act(message)
    } catch (error) {
      if (!isGone(error)) {
        queue.release(claim.row.seq)
        throw error
      }
      tell(lost(claim.row.seq, error))
    } finally {
      forgetClock?.()
    }
    return true
  }

  /** The rules are asked again, with the application acknowledgement. */
  async #takeAcknowledgement(message: Message<Content>, ack: ApplicationAck): Promise<void> {
    const { options, queue, tell } = this.#context
    const { row } = message
    const result = ack.judge(row)
    const { decision } = result
    if (decision.outcome === 'await') {
      queue.release(row.seq)
      return
    }
    // Awaiting does not count, but the wait for another attempt does.
    message.counts = true
    const waitMs = this.#sending.retryInMs(message, result)
    const settlement = withAccept(
      settlementOf(settledMessage(message), message.attempts, result, options.clock.now()),
      message.outcome as Settlement | undefined
    )
    if (waitMs !== undefined) {
      message.countForRule(decision)
      message.verdict = verdictOf(settlement)
      await this.#sending.retry(message, { result, settlement }, waitMs, { isAwaited: true })
    } else if (decision.outcome === 'suspend') {
      await this.#moving.suspend(message, result, settlement, { isAwaited: true })
    } else if (decision.outcome === 'disable') {
      message.verdict = verdictOf(settlement)
      await Promise.all([
        this.#pausing.pauseByRule(decision.rule),
        this.#moving.store(message, { to: 'waiting', isAwaited: true })
      ])
      tell(moved(message, 'waiting', { result }))
    } else await this.#moving.leaveOnceStored(message, settlement, true)
  }

  /** None came in time. */
  async #settleLateOne(message: Message<Content>): Promise<void> {
    const { options, tell } = this.#context
    const { verdict } = message
    const late: Late = verdict.awaits ?? 'suspend'
    if (late === 'retry') {
      const { awaits: _awaits, ...rest } = verdict
      message.verdict = rest
      await this.#moving.store(message, { to: 'waiting' })
      tell(moved(message, 'waiting'))
      return
    }
    const result = lateResult(verdict.rule, late, options.applicationAckMs)
    const settlement = withAccept(
      settlementOf(settledMessage(message), message.attempts, result, options.clock.now()),
      message.outcome as Settlement | undefined
    )
    if (late === 'fail') await this.#moving.leaveOnceStored(message, settlement, false)
    else await this.#moving.suspend(message, result, settlement)
  }
}

/** What its message leaves with: the application's acknowledgement, and the accept one beside it. */
function withAccept(settlement: Settlement, accepted: Settlement | undefined): Settlement {
  const reply = accepted?.reply
  const acceptAck: Acknowledgement | null = accepted?.acceptAck ?? reply?.ack ?? null
  if (reply === undefined) return { ...settlement, acceptAck }
  if (settlement.reply === undefined) {
    return { ...settlement, reply: { ...reply, ack: null }, acceptAck }
  }
  const { host, status, headers } = reply
  return { ...settlement, reply: { ...settlement.reply, host, status, headers }, acceptAck }
}

function lateResult(rule: string, late: Exclude<Late, 'retry'>, waitedMs: number): AttemptResult {
  return {
    decision: {
      outcome: late,
      retry: false,
      rule,
      action: rule.slice(rule.lastIndexOf('=') + 1),
      warnings: []
    },
    error: {
      code: ACK_TIMEOUT,
      text: english('log', 'error.ackTimeout', { seconds: waitedMs / 1000 })
    },
    answered: false,
    elapsedMs: 0
  }
}
