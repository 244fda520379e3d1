import type { BackupInUse, OwnOnes } from '../queue/queue-types.ts'
import { Alarm } from './alarm.ts'
import type { BackupOptions, BackupState } from './backup-options.ts'
import type { Address, Failover } from './failover.ts'
import type { Sending } from './sending.ts'
import type { WorkContext } from './work-context.ts'
import { queueFailure } from './delivery-events.ts'

type BackupContext<Content> = Pick<
  WorkContext<Content>,
  | 'accepting'
  | 'claimMessages'
  | 'closing'
  | 'gate'
  | 'inFlight'
  | 'isIdle'
  | 'options'
  | 'queue'
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
  /** One message asks the first address, while the backup serves. */
  isAsking: boolean
  /** Messages with a URL of their own. */
  own: OwnOnes
}

/**
 * Sends the messages of a node to one of two addresses of one system: what `Failover` decides is stored, and done. All go
 * to the address that serves; but what brought a URL of its own waits for the first one, and goes there one by one as it
 * is asked.
 */
export class Backup<Content> {
  readonly #context: BackupContext<Content>
  readonly #sending: Sending<Content>
  readonly #failover: Failover
  readonly #options: BackupOptions
  readonly #alarm: Alarm
  #inUse: BackupInUse | undefined

  /** @param inUse the last run ended so */
  constructor(
    context: BackupContext<Content>,
    sending: Sending<Content>,
    { failover, backup }: { failover: Failover; backup: BackupOptions },
    inUse: BackupInUse | undefined
  ) {
    this.#context = context
    this.#sending = sending
    this.#failover = failover
    this.#options = backup
    this.#alarm = new Alarm(context.options.clock, () => {
      this.#lookWhetherAnyWaits()
      context.gate.turnIfDue()
      context.claimMessages()
    })
    this.#inUse = inUse
    if (inUse !== undefined) failover.resume(inUse.isByHand)
  }

  /** Undefined if messages go to the first address. */
  get state(): BackupState | undefined {
    if (this.#inUse === undefined) return undefined
    const { since, isByHand, by } = this.#inUse
    const waiting = this.#ownWaiting
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
    if (!isByHand && (serving === 'backup') !== (this.#inUse !== undefined)) {
      const inUse = this.#inUseFrom(serving, BY_ITSELF)
      queue.call('setBackup', inUse).catch((error: unknown) => {
        // The next start asks the first address.
        tell(queueFailure(error))
      })
      this.#tellTurned(serving, BY_ITSELF, inUse)
    }
    // What waits for the end of an outage has another address.
    this.#sending.makeDueAfterOutage().catch((error: unknown) => {
      tell(queueFailure(error))
    })
    this.#context.claimMessages()
  }

  /**
   * Where messages go next. The first address may be asked for this: first for a connection.
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
    if (isAsking) {
      return { address: 'first', isAsking, own: failover.returnsByItself ? 'too' : 'only' }
    }
    const address = failover.serving
    return { address, isAsking, own: address === 'first' ? 'too' : 'not' }
  }

  /** A message that was claimed for this may still go there. */
  isStill({ address, isAsking }: Destination): boolean {
    return isAsking ? this.#failover.isAsking : address === this.#failover.serving
  }

  /** A message is on its way there. */
  handOut(seq: number, { isAsking }: Destination): void {
    if (isAsking) this.#context.gate.beginToAsk(seq)
  }

  /** It no longer is. */
  endOfWay(seq: number): void {
    this.#context.gate.endOfWay(seq)
    this.lookLater()
  }

  /** What is known of messages and attempts has changed: the first address may have to be asked, or the backup takes over. */
  lookLater(): void {
    this.#lookWhetherAnyWaits()
    this.#alarm.setIn(finite(this.#failover.nextInMs(this.#hasWork)))
  }

  /** There was no message to ask the first address with. */
  nothingToAsk(): void {
    this.#failover.nothingToSend()
  }

  close(): void {
    this.#alarm.close()
  }

  /** What is on its way is decided by its answer. */
  #lookWhetherAnyWaits(): void {
    if (this.#context.isIdle() || this.#waiting === 0) this.#failover.nothingWaits()
  }

  /** How many messages wait that are not on their way. */
  get #waiting(): number {
    const { inFlight, queue } = this.#context
    return Math.max(0, queue.counts.waiting - inFlight.size)
  }

  /**
   * There is a message with which the first address can be asked. Where messages come one by one, none ever waits: each
   * is asked for when it is being accepted.
   */
  get #hasWork(): boolean {
    const { returnsByItself, serving } = this.#failover
    if (serving === 'first') return false
    if (returnsByItself) return this.#waiting + this.#context.accepting() > 0
    return this.#ownWaiting > 0
  }

  /** How many of those that are not on their way have a URL of their own. */
  get #ownWaiting(): number {
    const { inFlight, queue } = this.#context
    const onTheirWay = [...inFlight.values()].filter(({ row }) => row.hasOwnAddress)
    return Math.max(0, queue.summary.ownAddress - onTheirWay.length)
  }

  #connect(): void {
    const { claimMessages, closing, track } = this.#context
    const failover = this.#failover
    failover.beginToAsk()
    const connected = this.#options.connect('first', closing).then((isOpen) => {
      if (closing.aborted) return
      failover.connected(isOpen)
      claimMessages()
    })
    void track(connected)
  }

  #inUseFrom(to: Address, { isByHand, by }: Turn): BackupInUse | undefined {
    if (to === 'first') return undefined
    const { options, queue } = this.#context
    const address = queue.laneOf(this.#options.address)
    return { since: options.clock.now(), isByHand, by, address }
  }

  #tellTurned(to: Address, { isByHand, by }: Turn, inUse: BackupInUse | undefined): void {
    this.#inUse = inUse
    this.#context.tell({ kind: 'turned', to, isByHand, by, host: this.#options.hosts[to] })
  }
}

function finite(ms: number): number | null {
  return Number.isFinite(ms) ? ms : null
}
