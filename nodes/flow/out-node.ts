import type { Node, NodeAPI, NodeMessageInFlow } from 'node-red'
import { systemClock } from '../../src/clock.ts'
import { Alerts } from '../../src/delivery/alerts.ts'
import { Courier } from '../../src/delivery/courier.ts'
import { Delivery } from '../../src/delivery/delivery.ts'
import type { DeliveryEvent, Lost } from '../../src/delivery/delivery-events.ts'
import { FiguresKeeper } from '../../src/delivery/figures-keeper.ts'
import { History } from '../../src/delivery/history.ts'
import { KnownAddresses } from '../../src/delivery/known-addresses.ts'
import { Reporter } from '../../src/delivery/reporter.ts'
import { Standing } from '../../src/delivery/standing.ts'
import { english } from '../../src/english.ts'
import type { ReceiverTokens } from '../../src/oauth2/receiver-tokens.ts'
import { endingFirst } from '../../src/http-client/certificates.ts'
import { UndiciClient } from '../../src/http-client/undici-client.ts'
import { Receiver } from '../../src/hl7-over-http/receiver.ts'
import { MOST_REASON, printable } from '../../src/printable.ts'
import type { DiskEngine } from '../../src/queue/disk-engine.ts'
import { MessageQueue } from '../../src/queue/message-queue.ts'
import { deleteQueueFile, isQueueFileInUse } from '../../src/queue/queue-files.ts'
import { EncodedContents, ObjectContents } from '../../src/queue/stored-contents.ts'
import { errorText } from '../settings/node-errors.ts'
import type { OutSettings } from '../settings/read-out-settings.ts'
import { accept, emit, notAccepted, handBack } from './accept-and-emit.ts'
import { CallClocks } from './call-clocks.ts'
import { CertificateWatch } from './certificate-watch.ts'
import { ConditionWatch } from './condition-watch.ts'
import type { ConditionFacts } from './condition-facts.ts'
import { answerOf, isTokenMissing } from './condition-table.ts'
import { diskEngine } from './disk-queue.ts'
import { editMessage } from './edit-message.ts'
import { isCommand } from './flow-commands.ts'
import { FlowMessages, type FlowMessage } from './flow-messages.ts'
import { onceFlowsStarted } from './flows-started.ts'
import { handToCatch } from './hand-on.ts'
import { reportLeft } from './left-at-close.ts'
import { withNewControlId } from './new-control-id.ts'
import type { OutParts } from './out-parts.ts'
import { NotAccepted } from './not-accepted.ts'
import { StatusLine, nodeStatus } from './status-line.ts'
import { turnedAwayOf, type TurnedAwayMessages } from './turned-away.ts'
import type { Translate } from './status-texts.ts'

/**
 * How long a closing node waits for requests in progress, in milliseconds. Node-RED allows 15 s, but Docker and FlowFuse
 * kill it after 10 s.
 */
const CLOSE_GRACE_MS = 7000
/** So often, in milliseconds, a node looks which certificates end. */
const CERTIFICATE_MS = 60_000
/** So often, in milliseconds, a node looks whether something lasts too long: that causes no event. */
const AGE_MS = 1000

/** What a sending node is made of besides its settings. */
export interface OutNodeFrame {
  RED: NodeAPI
  node: Node
  translate: Translate
  /** Something changed that operators look at. */
  onChange: () => void
}

/** What tells two addresses of a receiver apart; a query may hold a key that changes. */
function addressOf({ origin, pathname }: URL): string {
  return origin + pathname
}

/** A sending node that is set up, from its first message to its close. */
export class OutNode {
  readonly #frame: OutNodeFrame
  readonly #settings: OutSettings

  readonly #client: UndiciClient
  readonly #receiver: Receiver
  readonly #addresses: KnownAddresses
  readonly #courier: Courier
  readonly #contents: FlowMessages
  readonly #disk: DiskEngine
  readonly #delivery: Delivery<FlowMessage>

  readonly #reporter: Reporter
  readonly #refusals = new NotAccepted()
  readonly #turnedAway: TurnedAwayMessages
  readonly #calls = new CallClocks(() => systemClock.monotonic())
  readonly #standing = new Standing(() => systemClock.now())
  readonly #history: History
  readonly #figures: FiguresKeeper
  readonly #certificates: CertificateWatch
  readonly #alerts: Alerts
  readonly #conditions: ConditionWatch
  readonly #status: StatusLine

  readonly #endings: (() => void)[] = []
  #haveFlowsStarted = false
  #isQueueOpen = false
  #isClosing = false

  /** @throws {DeliveryError} `HL7_CONFIG` */
  constructor(frame: OutNodeFrame, settings: OutSettings) {
    const { RED, node, translate } = frame
    this.#frame = frame
    this.#settings = settings

    this.#disk = diskEngine(RED, node, settings)
    this.#turnedAway = turnedAwayOf(node.id)
    this.#turnedAway.isSetUp()
    this.#turnedAway.knowsFile(this.#disk.path)
    this.#client = new UndiciClient({
      ...settings.client,
      onNotice: (text) => {
        node.warn(text)
      },
      onUnkept: (host) => {
        this.#reporter.reportUnkept(host)
      }
    })
    this.#receiver = new Receiver(settings.receiver, this.#client)
    const addresses = [settings.receiver.url, ...(settings.backup ? [settings.backup.url] : [])]
    this.#addresses = new KnownAddresses(addresses)
    this.#courier = new Courier({
      ...settings.courier,
      receiver: this.#receiver,
      addresses: this.#addresses
    })
    this.#contents = new FlowMessages(node, settings)
    this.#delivery = this.#makeDelivery()

    this.#reporter = this.#makeReporter()
    this.#history = new History(systemClock, () => this.#delivery.held)
    this.#certificates = new CertificateWatch({
      receiver: () => this.#client.certificateOf(settings.receiver.url),
      backup: () => settings.backup && this.#client.certificateOf(settings.backup.url),
      'token server': settings.tokenServerCertificate,
      client: () =>
        endingFirst([this.#client.clientCertificate, settings.tokenClientCertificate()]),
      secret: () => settings.secretExpires
    })
    this.#alerts = new Alerts(settings.alerts)
    this.#conditions = new ConditionWatch(() => this.#facts())
    this.#figures = new FiguresKeeper({
      history: this.#history,
      standing: () => ({
        ...this.#standing.stands,
        ...this.#conditions.stored,
        ...this.#turnedAway.stored,
        calls: this.#calls.stored,
        addresses: this.#addresses.stored
      }),
      store: (all) => this.#delivery.keepFigures(all),
      clock: systemClock,
      random: Math.random
    })
    this.#status = new StatusLine(node, () =>
      nodeStatus(this.#conditions.current(), this.#facts(), translate)
    )
  }

  /** Waits for the flows: messages of an earlier run are handed on once the nodes behind the outputs exist. */
  start(): void {
    const { RED, node } = this.#frame
    for (const warning of this.#settings.warnings) node.warn(warning)
    const callOff = onceFlowsStarted(RED, (kind) => {
      this.#reporter.addEvent(kind, '')
      this.#haveFlowsStarted = true
      this.#tryToken()
      this.#delivery.start().catch((error: unknown) => {
        node.error(errorText(error))
      })
    })
    this.#endings.push(callOff)
    this.#watchToken()
    this.#watchTime()
  }

  /** Takes a message or a command of the flow. */
  receive(...[msg, send, done]: Parameters<FlowMessages['receive']>): void {
    const { node } = this.#frame
    const message = this.#contents.receive(msg, send, done)
    // A command says nothing of the sender.
    if (!isCommand(message)) this.#standing.messageCame()
    accept(node, this.#delivery, this.#courier, message).catch((error: unknown) => {
      handBack(node, message, error)
      this.#figures.changed()
      this.#showChange()
      // The Catch node that gets it may be closed as well.
      if (this.#isClosing) {
        node.error(english('log', 'log.closed', { what: notAccepted(error).message }))
      }
    })
  }

  /**
   * Lets requests in progress end, and releases everything. Never rejects.
   *
   * @param isDeleted the node will not come back: its queue file is removed if it is empty
   */
  async close(isDeleted: boolean): Promise<void> {
    const { node } = this.#frame
    this.#isClosing = true
    for (const end of this.#endings) end()
    try {
      const left = await this.#delivery.close(CLOSE_GRACE_MS)
      const report = reportLeft(left)
      if (report !== '') node.error(report)
      if (isDeleted) await deleteQueueFile(this.#disk.path)
    } catch (error) {
      node.error(errorText(error))
    }
    this.#client.close()
    this.#status.close()
  }

  /** What operators are shown, and what they can do. */
  get parts(): OutParts {
    const { contact, delivery, names, searchFields } = this.#settings
    return {
      delivery: this.#delivery,
      reporter: this.#reporter,
      history: this.#history,
      tokens: () => this.#tokens(),
      certificates: this.#certificates,
      refusals: this.#refusals,
      turnedAway: this.#turnedAway,
      names,
      contact,
      giveUp: {
        afterMs: delivery.failureTimeoutMs,
        whileUnreachable: delivery.failWhileUnreachable
      },
      contentDays: this.#settings.contentDays,
      isNakWired: isNakWired(this.#frame.node),
      searchFields: searchFields.map(({ text }) => text),
      facts: () => this.#facts(),
      conditions: this.#conditions,
      note: (text, by) => {
        this.#setNote(text, by)
      },
      renew: (content) => withNewControlId(this.#contents, content),
      edit: (seen, text, how) => editMessage(this.#delivery, this.#contents, seen, text, how),
      sender: { courier: this.#courier, receiver: this.#receiver, settings: this.#settings }
    }
  }

  #makeDelivery(): Delivery<FlowMessage> {
    const { node } = this.#frame
    const { backup, delivery, queue, receiver } = this.#settings
    return new Delivery<FlowMessage>({
      ...delivery,
      backup: backup && {
        address: addressOf(backup.url),
        hosts: { first: receiver.url.host, backup: backup.url.host },
        afterMs: backup.afterMs,
        connect: (address, signal) =>
          this.#receiver.connect(address === 'backup', signal).then(
            () => true,
            () => false
          )
      },
      // A file left by an earlier setting is used, and so drained, until it is empty at a start.
      queue: async () => {
        if (queue === 'disk' || (await isQueueFileInUse(this.#disk.path))) {
          return new MessageQueue(this.#disk, new EncodedContents(this.#contents))
        }
        // A queue on disk runs in its thread: without one in memory, its code is not loaded here.
        const { MemoryEngine } = await import('../../src/queue/memory-engine.ts')
        return new MessageQueue(new MemoryEngine(delivery.order, systemClock), new ObjectContents())
      },
      attempt: async ({ parcel, problem }, signal, watchWork, about) => {
        if (parcel === undefined) throw problem
        const { acceptedAt, address, again, seq } = about
        const identity = `${node.id} ${seq} ${acceptedAt}`
        return this.#courier.attempt({ ...parcel, identity, address, again }, signal, watchWork)
      },
      readFields: (content) => this.#contents.readFields(content),
      emit: (message, content, settlement) => {
        emit(node, message, content, settlement)
      },
      onEvent: (event) => {
        this.#readEvent(event)
      },
      clock: systemClock,
      random: Math.random
    })
  }

  #makeReporter(): Reporter {
    const { node } = this.#frame
    return new Reporter(
      {
        log: ({ level, text }) => {
          if (level === 'warn') node.warn(text)
          else node.log(text)
        },
        event: (event, hasGrown) => {
          // What cannot be stored is in the log, and the queue has other worries.
          this.#delivery.addEvent(event, hasGrown).catch(() => undefined)
        },
        refusing: (type) => {
          const found = this.#standing.stands.refusing.find((one) => one.type === type)
          return found && { count: found.count, answer: answerOf(found) }
        }
      },
      systemClock
    )
  }

  #readEvent(event: DeliveryEvent): void {
    if (event.kind === 'lost') this.#handOnLost(event)
    if (event.kind === 'opened') {
      this.#addresses.restore(event.figures.addresses)
      this.#isQueueOpen = true
      this.#tryToken()
    }
    if (event.kind === 'accepted') {
      this.#refusals.accepted()
      this.#turnedAway.accepted()
    }
    const hasLeft = event.kind === 'moved' && event.to === 'left'
    if (hasLeft || event.kind === 'opened') this.#refusals.recovered()
    if (hasLeft && event.settlement?.outcome === 'ack') this.#turnedAway.acked()
    if (event.kind === 'opened') this.#turnedAway.opened(event.figures)
    if (event.kind === 'closing') this.#storeTurnedAway(true)
    this.#calls.readEvent(event)
    this.#standing.readEvent(event)
    this.#reporter.readEvent(event)
    this.#history.readEvent(event)
    this.#conditions.readEvent(event)
    this.#figures.readEvent(event)
    this.#showChange()
  }

  /** Of a message whose content cannot be read, Catch gets what is known. */
  #handOnLost({ error, about }: Lost): void {
    const { RED, node } = this.#frame
    const lost = { _msgid: RED.util.generateId() } as NodeMessageInFlow
    handToCatch(node, lost, { hl7: { outcome: 'error', ...about } }, error, undefined)
  }

  #showChange(): void {
    this.#status.update()
    this.#frame.onChange()
  }

  /** What conditions follow from. */
  #facts(): ConditionFacts {
    const { callAfterMs, delivery, inactivity } = this.#settings
    const now = systemClock.now()
    const state = this.#delivery.state()
    const [ending] = this.#certificates.ending(now)
    const { stands } = this.#standing
    const token = this.#tokens()?.status
    this.#turnedAway.isFilled(this.#delivery.held / delivery.queueLimit)
    return {
      delivery: state,
      stands,
      token,
      isTokenLost: this.#settings.tokenTrials?.isLost === true,
      alerts: this.#alerts.check(state),
      refusal: this.#refusals.last,
      turnedAway: this.#turnedAway.current,
      ending,
      quietSeconds: inactivity?.quietSeconds(stands.lastInAt ?? now, now),
      lasting: this.#calls.look({ delivery: state, token }),
      callAfterMs,
      now
    }
  }

  /** Those of the address that serves. */
  #tokens(): ReceiverTokens | undefined {
    const { backupTokens, tokens } = this.#settings.courier
    return this.#delivery.state().backup === null ? tokens : backupTokens
  }

  /** Somebody takes care of what is the most urgent now. */
  #setNote(text: string, by: string): void {
    const note = this.#conditions.setNote({
      at: systemClock.now(),
      by: printable(by),
      text: printable(text.trim(), MOST_REASON)
    })
    if (note.code === 'GIVEN_UP') this.#standing.noteGivenUp()
    if (note.code === 'TURNED_AWAY') this.#turnedAway.noted()
    if (note.code === 'ENDED') this.#standing.noteEnded()
    this.#reporter.addEvent('noted', note.by, { reason: note.text })
    this.#showChange()
  }

  #watchToken(): void {
    const { backupTokens, tokens } = this.#settings.courier
    for (const each of new Set([tokens, backupTokens])) {
      const unsubscribe = each?.onStatus((token) => {
        if (each !== this.#tokens()) return
        if (token.state === 'ok' || token.state === 'idle') this.#delivery.tokenIsBack()
        this.#reportToken()
      })
      if (unsubscribe !== undefined) this.#endings.push(unsubscribe)
    }
  }

  #reportToken(): void {
    const token = this.#tokens()?.status
    const isTokenLost = this.#settings.tokenTrials?.isLost === true
    if (token?.state !== 'none') this.#reporter.reportToken(undefined)
    else if (isTokenMissing({ delivery: this.#delivery.state(), isTokenLost, token })) {
      this.#reporter.reportToken(token)
    }
    this.#status.update()
  }

  /** Before a message needs it, but not while another process has the queue: that one sends, and logs in. */
  #tryToken(): void {
    const { tokenTrials } = this.#settings
    const isReady = this.#haveFlowsStarted && this.#isQueueOpen && !this.#isClosing
    if (tokenTrials === undefined || !isReady) return
    const leave = tokenTrials.join({
      wouldSend: () => this.#delivery.state().paused === null,
      onAsked: () => {
        this.#reportToken()
      }
    })
    this.#endings.push(leave)
  }

  #watchTime(): void {
    // What holds for long enough, and for how long.
    this.#every(AGE_MS, () => {
      this.#status.update()
      this.#storeTurnedAway()
    })
    this.#every(CERTIFICATE_MS, () => {
      void this.#client.look()
      for (const { of, daysLeft } of this.#certificates.news(Date.now())) {
        this.#reporter.reportCertificate(of, daysLeft)
        this.#status.update()
      }
    })
  }

  /** @param isLast nothing is stored any more soon */
  #storeTurnedAway(isLast = false): void {
    void this.#turnedAway.storeEvent((event) => this.#delivery.addEvent(event, true), isLast)
  }

  #every(ms: number, look: () => void): void {
    const timer = setInterval(look, ms)
    this.#endings.push(() => {
      clearInterval(timer)
    })
  }
}

/** Node-RED has put what is wired to the outputs of subflows in their place. */
function isNakWired(node: Node): boolean {
  const { wires = [] } = node as Node & { wires?: readonly (readonly string[])[] }
  return (wires[1] ?? []).length > 0
}
