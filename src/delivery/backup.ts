import { OWN_ADDRESS, type BackupInUse, type Route } from '../queue/queue-types.ts'
import { Alarm } from './alarm.ts'
import type { BackupOptions, BackupState } from './backup-options.ts'
import type { Address, Failover } from './failover.ts'
import type { LastAttempts } from './last-attempts.ts'
import type { Sending } from './sending.ts'
import type { WorkContext } from './work-context.ts'

type BackupContext<Content> = Pick<
  WorkContext<Content>,
  | 'accepting'
  | 'claimMessages'
  | 'closing'
  | 'gate'
  | 'giveUpClock'
  | 'idOf'
  | 'isIdle'
  | 'options'
  | 'queue'
  | 'sending'
  | 'tell'
  | 'track'
>

/** Whether a person has turned, and who. */
type Turn = Pick<BackupInUse, 'isByHand' | 'by'>

/** An outage has, or its end. */
const BY_ITSELF: Turn = { isByHand: false, by: '' }

/** Which messages are asked for next, and where they go. */
export interface Destination {
  address: Address
  route: Route
  /** One message asks the address that does not serve. */
  isAsking: boolean
}

/**
 * Sends the messages of a node to one of two addresses: what `Failover` decides is stored, and done. One lane and one
 * wait: a message that may go to both is claimed for the one that serves.
 */
export class Backup<Content> {
  readonly #context: BackupContext<Content>
  readonly #sending: Sending<Content>
  readonly #failover: Failover
  readonly #options: BackupOptions
  readonly #lastAttempts: LastAttempts
  readonly #alarm: Alarm
  readonly #ids: Readonly<Record<Address, number>>
  #inUse: BackupInUse | undefined
  /** Where messages are on their way to. */
  readonly #ways = new Map<number, Address>()

  constructor(
    context: BackupContext<Content>,
    sending: Sending<Content>,
    lastAttempts: LastAttempts,
    { failover, backup }: { failover: Failover; backup: BackupOptions },
    stored: BackupInUse | undefined
  ) {
    this.#context = context
    this.#sending = sending
    this.#failover = failover
    this.#options = backup
    this.#lastAttempts = lastAttempts
    this.#ids = { first: context.idOf('first') ?? 0, backup: context.idOf('backup') ?? 0 }
    this.#alarm = new Alarm(context.options.clock, () => {
      this.#lookWhetherAnyWaits()
      context.gate.turnIfDue()
      context.claimMessages()
    })
    // A deploy may have exchanged the addresses.
    if (stored?.address === this.#ids.backup) {
      this.#inUse = stored
      failover.resume(stored.isByHand)
    }
    this.#stopClocks()
  }

  /** Undefined if messages go to the first address. */
  get state(): BackupState | undefined {
    if (this.#inUse === undefined) return undefined
    const { since, isByHand, by } = this.#inUse
    const waiting = this.#boundTo('first')
    return { since, isByHand, by, host: this.#options.hosts.backup, waiting }
  }

  /**
   * An operator turns.
   *
   * @param by a user name; `''` where nobody has to log in
   * @throws {QueueError} when that cannot be stored: then nothing has changed
   */
  async turn(to: Address, by: string): Promise<void> {
    const { gate, queue } = this.#context
    const isThere = to === this.#failover.serving && (to === 'first' || this.#failover.isByHand)
    if (isThere) return
    const how = { isByHand: true, by }
    const inUse = this.#inUseFrom(to, how)
    let before: BackupInUse | undefined
    do {
      before = this.#inUse
      await queue.call('setBackup', inUse)
      // An outage that turned meanwhile has stored that behind it.
    } while (this.#inUse !== before)
    // Before it turns: it was no outage, nor the end of one.
    this.#inUse = inUse
    gate.turn(to, true)
    this.#tellTurned(to, how, inUse)
  }

  /** An outage has turned, or its end. */
  readTurn(): void {
    const { queue, tell } = this.#context
    const { serving, isByHand } = this.#failover
    this.#stopClocks()
    if (!isByHand && (serving === 'backup') !== (this.#inUse !== undefined)) {
      const inUse = this.#inUseFrom(serving, BY_ITSELF)
      queue.call('setBackup', inUse).catch(() => {
        // The next start asks the first address.
        tell({ kind: 'queue-failed', code: 'HL7_QUEUE_FAILED' })
      })
      this.#tellTurned(serving, BY_ITSELF, inUse)
    }
    // What waits for the end of an outage has another address.
    this.#sending.makeDueAfterOutage().catch(() => {
      tell({ kind: 'queue-failed', code: 'HL7_QUEUE_FAILED' })
    })
    this.#context.claimMessages()
  }

  /**
   * Where messages go next. The other address may be asked for this: first for a connection.
   *
   * @returns undefined: nothing goes now
   */
  next(): Destination | undefined {
    const failover = this.#failover
    const hasWork = this.#hasWork
    if (failover.isAskDue(hasWork)) this.#connect()
    const isAsking = failover.isMessageDue(hasWork)
    if (isAsking) failover.messageAskedFor()
    this.lookLater()
    if (failover.isHeld && !isAsking) return undefined
    const address = isAsking ? failover.other : failover.serving
    const only = isAsking && !failover.returnsByItself ? this.#idsOf(address) : undefined
    const other = address === 'first' ? 'backup' : 'first'
    return {
      address,
      isAsking,
      route: {
        notTo: this.#idsOf(other),
        ...(only && { only }),
        isAsking,
        ...(this.#isMarking && { mark: this.#ids[address] })
      }
    }
  }

  /** A message that was claimed for this may still go there. */
  isStill({ address, isAsking }: Destination): boolean {
    if (!isAsking) return address === this.#failover.serving
    return address === this.#failover.other && this.#failover.isAsking
  }

  /** A message is on its way there. */
  handOut(seq: number, { address, isAsking }: Destination): void {
    this.#ways.set(seq, address)
    if (isAsking) this.#context.gate.beginToAsk(seq)
  }

  /** It no longer is. */
  endOfWay(seq: number): void {
    this.#ways.delete(seq)
    this.#context.gate.endOfWay(seq)
    this.lookLater()
  }

  /** What is known of messages and attempts has changed: the other address may have to be asked, or takes over. */
  lookLater(): void {
    this.#lookWhetherAnyWaits()
    this.#alarm.setIn(finite(this.#failover.nextInMs(this.#hasWork)))
  }

  /** There was no message to ask the other address with. */
  nothingToAsk(): void {
    this.#failover.nothingToSend()
  }

  close(): void {
    this.#alarm.close()
  }

  /** What waits for the address that does not serve cannot be tried there meanwhile. */
  #stopClocks(): void {
    const { giveUpClock, options, queue, tell } = this.#context
    if (options.failWhileUnreachable) return
    const ids = this.#idsOf(this.#failover.other)
    this.#lastAttempts.stopClocks((boundTo) => boundTo !== undefined && ids.includes(boundTo))
    queue.call('stopClocks', ids, giveUpClock.ms).catch(() => {
      tell({ kind: 'queue-failed', code: 'HL7_QUEUE_FAILED' })
    })
  }

  /** What is on its way is decided by its answer. */
  #lookWhetherAnyWaits(): void {
    if (this.#context.isIdle() || this.#waiting === 0) this.#failover.nothingWaits()
  }

  /** How many messages wait that are not on their way. */
  get #waiting(): number {
    const { queue, sending } = this.#context
    return Math.max(0, queue.counts.waiting - sending.size)
  }

  /**
   * There is a message with which the other address can be asked. Where messages come one by one, none ever waits: each
   * is asked for when it is being accepted.
   */
  get #hasWork(): boolean {
    const { other, returnsByItself, serving } = this.#failover
    if (this.#boundTo(other) > 0) return true
    return returnsByItself && this.#waiting + this.#context.accepting() > this.#boundTo(serving)
  }

  /** How many messages wait that may go nowhere but there. */
  #boundTo(address: Address): number {
    const ids = this.#idsOf(address)
    const { queue, sending } = this.#context
    const count = queue.summary.bound.reduce(
      (sum, one) => sum + (ids.includes(one.to) ? one.count : 0),
      0
    )
    const onTheirWay = [...sending].filter(([seq, { row }]) => {
      const isMarked =
        row.boundTo === undefined && this.#isMarking && this.#ways.get(seq) === address
      return isMarked || (row.boundTo !== undefined && ids.includes(row.boundTo))
    })
    return Math.max(0, count - onTheirWay.length)
  }

  /** What is in memory does not outlive the process that knows where it was sent. */
  get #isMarking(): boolean {
    return !this.#options.isShared && this.#context.queue.isDurable
  }

  #idsOf(address: Address): number[] {
    const { isShared } = this.#options
    const own = address === 'first' ? [OWN_ADDRESS] : []
    return isShared ? own : [...own, this.#ids[address]]
  }

  #connect(): void {
    const { claimMessages, closing, track } = this.#context
    const failover = this.#failover
    failover.beginToAsk()
    const connected = this.#options.connect(failover.other, closing).then((isOpen) => {
      if (closing.aborted) return
      failover.connected(isOpen)
      claimMessages()
    })
    void track(connected)
  }

  #inUseFrom(to: Address, { isByHand, by }: Turn): BackupInUse | undefined {
    if (to === 'first') return undefined
    return { since: this.#context.options.clock.now(), isByHand, by, address: this.#ids.backup }
  }

  #tellTurned(to: Address, { isByHand, by }: Turn, inUse: BackupInUse | undefined): void {
    this.#inUse = inUse
    this.#context.tell({ kind: 'turned', to, isByHand, by, host: this.#options.hosts[to] })
  }
}

function finite(ms: number): number | null {
  return Number.isFinite(ms) ? ms : null
}
