import type { Claim } from '../queue/message-queue.ts'
import { Alarm } from './alarm.ts'
import type { Backup, Destination } from './backup.ts'
import type { Address } from './failover.ts'
import type { LastAttempts } from './last-attempts.ts'
import type { WorkContext } from './work-context.ts'

/** What claiming needs of the delivery. */
export interface ClaimingParts<Content> extends Pick<
  WorkContext<Content>,
  'catchFault' | 'gate' | 'inFlight' | 'isIdle' | 'options' | 'queue' | 'stopReading' | 'track'
> {
  /** Undefined: there is no other address. */
  backup: Backup<Content> | undefined
  lastAttempts: LastAttempts
  /**
   * Takes a message to the receiver once, with what follows from that.
   *
   * @param isStill it may still go to that address
   */
  send: (claim: Claim, address: Address, isStill: () => boolean) => Promise<void>
  /** An attempt has ended: its message may await an acknowledgement, until a time. */
  setLateAlarm: () => void
  /** Decides on a message whose time is over. */
  endRetries: (claim: Claim) => Promise<void>
}

/** There is one address. */
const TO_FIRST: Destination = { address: 'first', isAsking: false, own: 'too' }

/** Asks the queue for messages whose turn it is, as many as may be sent, and sends them. */
export class Claiming<Content> {
  readonly #parts: ClaimingParts<Content>
  /** A retry is due. */
  readonly #turnAlarm: Alarm
  /** The move that was asked for last has ended. */
  #lastMove: Promise<unknown> = Promise.resolve()
  /** So many messages were asked for, and have not come yet. */
  #asked = 0
  /** Since then something has happened: there may be more. */
  #asksAgain = false

  constructor(parts: ClaimingParts<Content>) {
    this.#parts = parts
    this.#turnAlarm = new Alarm(parts.options.clock, () => {
      this.claim()
    })
  }

  /** Asks for as many messages as may be sent now. */
  claim(): void {
    const { backup, gate, inFlight, isIdle, options, queue } = this.#parts
    if (isIdle()) return
    const free = gate.slots - inFlight.size - this.#asked
    if (free <= 0) {
      this.#asksAgain = this.#asked > 0
      return
    }
    const mayStart = gate.mayStart(() => {
      this.claim()
    })
    if (!mayStart) return
    const destination = backup === undefined ? TO_FIRST : backup.next()
    // Both addresses are out, and the first is being asked, or the backup wants rest.
    if (destination === undefined) return
    const most = destination.isAsking || options.maxPerSecond > 0 ? 1 : free
    this.#asked += most
    this.#asksAgain = false
    const claiming = queue.claimNext(most, gate.preference, destination.own)
    this.#parts.catchFault(this.#handOut(most, this.#lastMove, claiming, destination))
  }

  /** What is asked for now is sent after this has ended: a move, whose message must not be overtaken. */
  waitFor(move: Promise<unknown>): void {
    this.#lastMove = move.catch(() => undefined)
  }

  /** The time of a message is over: it is not tried again, even if nothing may be sent now. */
  endRetries(seq: number): void {
    const { isIdle, lastAttempts, queue, stopReading, track } = this.#parts
    if (isIdle()) return
    const ended = queue.call('claimEarly', seq).then((claim) => {
      if (claim !== undefined) return track(this.#parts.endRetries(claim), claim.row.controlId)
      lastAttempts.holdUp(seq)
      return undefined
    }, stopReading)
    this.#parts.catchFault(
      track(ended).finally(() => {
        this.claim()
      })
    )
  }

  close(): void {
    this.#turnAlarm.close()
  }

  /**
   * @param asked so many were asked for
   * @param lastMove was asked for before
   */
  async #handOut(
    asked: number,
    lastMove: Promise<unknown>,
    claiming: Promise<readonly Claim[]>,
    destination: Destination
  ): Promise<void> {
    const { backup, queue, stopReading } = this.#parts
    const { isAsking } = destination
    let claims: readonly Claim[]
    try {
      claims = await claiming
    } catch (error) {
      this.#asked -= asked
      if (isAsking) backup?.nothingToAsk()
      stopReading(error)
      return
    }
    // Those before have ended as well: the queue keeps the order.
    await lastMove
    this.#asked -= asked
    if (isAsking && claims.length === 0) backup?.nothingToAsk()
    for (const claim of claims) this.#sendOne(claim, destination)
    backup?.lookLater()
    if (queue.counts.retrying > 0) {
      this.#turnAlarm.setIn(queue.summary.nextTurnInMs)
    }
    // As many as were asked for: there may be more.
    if (this.#asksAgain || isAsking || claims.length === asked) this.claim()
  }

  #sendOne(claim: Claim, destination: Destination): void {
    const { backup, gate, inFlight, isIdle, queue, send, setLateAlarm, track } = this.#parts
    const { controlId, seq } = claim.row
    const { address, isAsking } = destination
    const isStill = (): boolean => backup === undefined || backup.isStill(destination)
    // Since it was asked for, the node was paused or closed, or lost its receiver; or a move could not be stored.
    const isFull = inFlight.size + this.#asked >= gate.slots
    const mayGo = !isIdle() && !isFull && gate.closedMs === 0 && isStill()
    if (mayGo && !claim.isDamaged) {
      gate.countRequests()
      backup?.handOut(seq, destination)
    } else {
      if (isAsking) backup?.nothingToAsk()
      this.#asksAgain = true
      // That one is damaged is told, whatever holds.
      if (!claim.isDamaged) {
        queue.release(seq)
        return
      }
    }
    const sent = track(send(claim, address, isStill), controlId).finally(() => {
      setLateAlarm()
      backup?.endOfWay(seq)
      this.claim()
    })
    this.#parts.catchFault(sent)
  }
}
