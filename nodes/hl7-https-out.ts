import type { Node, NodeAPI, NodeDef, NodeMessageInFlow } from 'node-red'
import { Alerts } from '../src/delivery/alerts.ts'
import { systemClock } from '../src/clock.ts'
import { english } from '../src/english.ts'
import { Courier } from '../src/delivery/courier.ts'
import { Delivery } from '../src/delivery/delivery.ts'
import { DeliveryError } from '../src/delivery/delivery-error.ts'
import { FiguresKeeper } from '../src/delivery/figures-keeper.ts'
import { History } from '../src/delivery/history.ts'
import { Reporter } from '../src/delivery/reporter.ts'
import { Standing } from '../src/delivery/standing.ts'
import { UndiciClient } from '../src/http-client/undici-client.ts'
import { printable } from '../src/printable.ts'
import { Receiver } from '../src/https/receiver.ts'
import { DiskEngine } from '../src/queue/disk-engine.ts'
import { MemoryEngine } from '../src/queue/memory-engine.ts'
import { MessageQueue } from '../src/queue/message-queue.ts'
import {
  deleteQueueFile,
  filledQueueFiles,
  isQueueFileInUse,
  queueFilePath
} from '../src/queue/queue-files.ts'
import { queueKey } from '../src/queue/queue-key.ts'
import { EncodedContents, ObjectContents } from '../src/queue/stored-contents.ts'
import { accept, emit, refusal, refuse } from './accept-and-emit.ts'
import { CertificateWatch } from './certificate-watch.ts'
import { ConditionWatch } from './condition-watch.ts'
import { answerOf, type ConditionFacts } from './conditions.ts'
import { editMessage } from './edit-message.ts'
import { FlowMessages, type FlowMessage } from './flow-messages.ts'
import { onceFlowsStarted } from './flows-started.ts'
import { handToCatch } from './hand-on.ts'
import { reportLeft } from './left-at-close.ts'
import { errorText, notSetUp } from './node-errors.ts'
import { listNode } from './node-lifecycle.ts'
import { deployedSource } from './node-source.ts'
import { deployedOutNodes, outParts } from './out-parts.ts'
import { deletion, reportOrphanedQueues } from './orphaned-queues.ts'
import { MOST_CONTACT } from './operations/node-state.ts'
import { Refusals } from './operations/refusals.ts'
import { registerPage } from './operations/page-route.ts'
import { registerRoutes } from './operations/register-routes.ts'
import { outRoutes } from './operations/routes.ts'
import { somethingChanged } from './operations/sidebar.ts'
import { outCredentials } from './hl7-https-out-properties.ts'
import { typesOf } from './property-table.ts'
import { queueDirectory } from './queue-directory.ts'
import { OF_AUTH, readOutSettings, type OutSettings } from './read-out-settings.ts'
import { misconfigured, StatusLine, statusOf, type Translate } from './status-line.ts'
import { sendTestMessage } from './test-message.ts'

/**
 * How long a closing node waits for requests in progress, in milliseconds; Node-RED allows 15 s.
 */
/** Longer notes are cut, in characters. */
const MOST_NOTE = 200
const CLOSE_GRACE_MS = 10_000
/** How often it is looked at which certificates end, in milliseconds. */
const CERTIFICATE_MS = 60_000

/** Registers the node that sends HL7 messages and routes their acknowledgements. */
export default function (RED: NodeAPI): void {
  registerPage(RED)
  registerRoutes(RED, outRoutes(RED))
  reportOrphanedQueues(RED)

  function Hl7HttpsOut(this: Node, config: NodeDef): void {
    RED.nodes.createNode(this, config)
    listNode(deployedOutNodes, this)
    const translate: Translate = (key, values) => RED._(key, values ?? {})
    let problems: readonly string[]
    let unset: readonly string[] = []
    try {
      const read = readOutSettings(RED, this, deployedSource(RED, this, config))
      if (read.settings !== undefined) {
        start(RED, this, read.settings, translate)
        return
      }
      problems = read.problems
      unset = read.unset
    } catch (error) {
      problems = [errorText(error)]
    }
    const since = new Date().toISOString()
    outParts.set(this, { since, problems, refusals: new Refusals() })
    // Status nodes see nothing before.
    const callOff = onceFlowsStarted(RED, () => {
      this.status(misconfigured(translate, unset))
    })
    this.on('close', callOff)
    refuseEverything(RED, this, problems)
  }

  RED.nodes.registerType('hl7-https-out', Hl7HttpsOut, {
    credentials: typesOf(outCredentials)
  })
}

/** A node that cannot be used reports this for each message; none disappears. */
function refuseEverything(RED: NodeAPI, node: Node, problems: readonly string[]): void {
  const text = notSetUp(problems)
  // The config node has reported its own, once for all nodes that use it.
  const own = problems.filter((problem) => !problem.startsWith(OF_AUTH))
  if (own.length > 0) node.error(notSetUp(own))
  node.on('input', (msg, _send, done) => {
    const content = { msg, payload: msg.payload, done }
    refuse(node, content, new DeliveryError('HL7_CONFIG', text))
  })
  const isDeleted = deletion(RED, node)
  node.on('close', (removed: boolean | undefined, done: () => void) => {
    if (isDeleted(removed)) void deleteFile(RED, node).finally(done)
    else done()
  })
}

/** Deletes the queue file of a deleted node, from when it was set up, if it is empty. Never rejects. */
async function deleteFile(RED: NodeAPI, node: Node): Promise<void> {
  const directory = queueDirectory(RED)
  // Otherwise that is why it was not set up.
  if (typeof directory !== 'string' || directory === '') return
  try {
    await deleteQueueFile(queueFilePath(directory, node.id))
  } catch (error) {
    node.error(errorText(error))
  }
}

function start(RED: NodeAPI, node: Node, settings: OutSettings, translate: Translate): void {
  const client = new UndiciClient({
    ...settings.client,
    onNotice: (text) => {
      node.warn(text)
    },
    onUnkept: (host) => {
      reporter.reportUnkept(host)
    }
  })
  const receiver = new Receiver(settings.receiver, client)
  const courier = new Courier({ ...settings.courier, receiver })
  const contents = new FlowMessages(node, settings)
  const disk = diskEngine(RED, node, settings)
  const reporter = new Reporter(
    {
      log: ({ level, text }) => {
        if (level === 'warn') node.warn(text)
        else node.log(text)
      },
      event: (event, hasGrown) => {
        // What cannot be stored is in the log, and the queue has other worries.
        delivery.addEvent(event, hasGrown).catch(() => undefined)
      },
      refusing: (type) => {
        const found = standing.stands.refusing.find((one) => one.type === type)
        return found && { count: found.count, answer: answerOf(found) }
      }
    },
    systemClock
  )
  const refusals = new Refusals()
  const delivery = new Delivery<FlowMessage>({
    ...settings.delivery,
    // A file left by an earlier setting is used, and so drained, until it is empty at a start.
    queue: async () =>
      settings.queue === 'disk' || (await isQueueFileInUse(disk.path))
        ? new MessageQueue(disk, new EncodedContents(contents))
        : new MessageQueue(
            new MemoryEngine(settings.delivery.order, systemClock),
            new ObjectContents()
          ),
    attempt: async ({ parcel, problem }, signal, watchWork, { mayHaveArrived }) => {
      if (parcel === undefined) throw problem
      return courier.attempt({ ...parcel, mayHaveArrived }, signal, watchWork)
    },
    readFields: (content) => contents.readFields(content),
    emit: (message, content, settlement) => {
      emit(node, message, content, settlement)
    },
    onEvent: (event) => {
      if (event.kind === 'lost') {
        const { error, about } = event
        const lost = { _msgid: RED.util.generateId() } as NodeMessageInFlow
        handToCatch(node, lost, { hl7: { outcome: 'error', ...about } }, error, undefined)
      }
      if (event.kind === 'accepted') refusals.accepted()
      if (event.kind === 'moved' && event.to === 'left') refusals.left()
      standing.readEvent(event)
      reporter.readEvent(event)
      history.readEvent(event)
      conditions.readEvent(event)
      figures.readEvent(event)
      status.update()
      somethingChanged()
    },
    clock: systemClock,
    random: Math.random
  })
  const history = new History(systemClock, () => delivery.held)
  const standing = new Standing(() => systemClock.now())
  const figures = new FiguresKeeper({
    history,
    standing: () => ({ ...standing.stands, ...conditions.stored }),
    store: (all) => delivery.keepFigures(all),
    clock: systemClock,
    random: Math.random
  })
  const { tokens } = settings.courier
  const certificates = new CertificateWatch({
    receiver: () => client.certificate,
    'token server': settings.tokenServerCertificate,
    client: () => settings.clientCertificate
  })
  const alerts = new Alerts(settings.alerts)
  const { alertAfterMs, inactivity } = settings
  const facts = (): ConditionFacts => {
    const now = systemClock.now()
    const state = delivery.state()
    const [ending] = certificates.ending(now)
    const { stands } = standing
    return {
      delivery: state,
      stands,
      token: tokens?.status,
      alerts: alerts.check(state),
      refusal: refusals.last,
      isFull: refusals.isFull(delivery.held, settings.delivery.queueLimit),
      ending,
      quietSeconds: inactivity?.quietSeconds(stands.lastInAt ?? now, now),
      alertAfterMs,
      now
    }
  }
  const conditions = new ConditionWatch(facts)
  outParts.set(node, {
    delivery,
    reporter,
    history,
    tokens,
    certificates,
    refusals,
    names: { host: settings.receiver.url.host, ...settings.names },
    contact: printable(settings.contact, MOST_CONTACT),
    giveUp: {
      afterMs: settings.delivery.failureTimeoutMs,
      whileUnreachable: settings.delivery.failWhileUnreachable
    },
    searchFields: settings.searchFields.map(({ text }) => text),
    facts,
    conditions,
    note: (text, by) => {
      const note = conditions.setNote({
        at: systemClock.now(),
        by: printable(by),
        text: printable(text.trim(), MOST_NOTE)
      })
      if (note.code === 'GIVEN_UP') standing.noteGivenUp()
      reporter.addEvent('noted', note.by, { reason: note.text })
      status.update()
      somethingChanged()
    },
    edit: (seq, text, by) => editMessage(delivery, contents, seq, text, by),
    sendTest: (type, controlId) => sendTestMessage(courier, receiver, settings, type, controlId)
  })
  const status = new StatusLine(node, () => statusOf(conditions.current(), facts(), translate))
  for (const warning of settings.warnings) node.warn(warning)

  // Messages left by an earlier run are emitted and sent once the nodes behind the outputs exist.
  const callOffStart = onceFlowsStarted(RED, (kind) => {
    reporter.addEvent(kind, '')
    delivery.start().catch((error: unknown) => {
      node.error(errorText(error))
    })
  })
  const unsubscribe = tokens?.onStatus((token) => {
    if (token.state === 'ok' || token.state === 'idle') delivery.tokenIsBack()
    reporter.reportToken(token.state === 'none' ? token : undefined)
    status.update()
  })
  // That something lasts too long causes no event.
  const ageWatch =
    settings.alerts.waitSeconds > 0 || inactivity !== undefined || alertAfterMs > 0
      ? setInterval(() => {
          status.update()
        }, 1000)
      : undefined

  const certificateWatch = setInterval(() => {
    for (const { of, daysLeft } of certificates.news(Date.now())) {
      reporter.reportCertificate(of, daysLeft)
      status.update()
    }
  }, CERTIFICATE_MS)

  let closing = false
  node.on('input', (msg, send, done) => {
    standing.messageCame()
    const message = contents.receive(msg, send, done)
    void accept(node, delivery, courier, message).catch((error: unknown) => {
      refuse(node, message, error)
      status.update()
      // The Catch node that gets it may be closed as well.
      if (closing) node.error(english('log', 'log.closed', { what: refusal(error).message }))
    })
  })

  const isDeleted = deletion(RED, node)
  node.on('close', (removed: boolean | undefined, done: () => void) => {
    closing = true
    callOffStart()
    unsubscribe?.()
    clearInterval(ageWatch)
    clearInterval(certificateWatch)
    void close(node, delivery, isDeleted(removed) ? disk.path : undefined).finally(() => {
      client.close()
      status.close()
      done()
    })
  })
}

/** @throws {DeliveryError} `HL7_CONFIG` */
function diskEngine(RED: NodeAPI, node: Node, settings: OutSettings): DiskEngine {
  const { userDir, hl7HttpsOutQueueKey } = RED.settings as {
    userDir: string
    hl7HttpsOutQueueKey?: string
  }
  const directory = queueDirectory(RED)
  if (typeof directory !== 'string' || directory === '') {
    throw new DeliveryError('HL7_CONFIG', english('log', 'problem.queueDirectory'))
  }
  const notice = (text: string): void => {
    node.warn(text)
  }
  const { contentDays, delivery, journalDays, mostKeptBytes } = settings
  return new DiskEngine({
    directory,
    journalDays,
    contentDays,
    mostKeptBytes,
    order: delivery.order,
    orderKey: settings.orderKey?.text ?? '',
    applicationAckMs: delivery.applicationAckMs,
    name: node.id,
    key: () =>
      queueKey(hl7HttpsOutQueueKey, userDir, notice, async () =>
        (await filledQueueFiles(directory)).map(({ path }) => path)
      ),
    onFault: (error) => {
      node.error(error.message)
    },
    onNotice: notice
  })
}

/**
 * Closes a node. Never rejects.
 *
 * @param deleted the queue file of a deleted node: it is removed if it is empty
 */
async function close(
  node: Node,
  delivery: Delivery<FlowMessage>,
  deleted: string | undefined
): Promise<void> {
  try {
    const left = await delivery.close(CLOSE_GRACE_MS)
    const report = reportLeft(left)
    if (report !== '') node.error(report)
    if (deleted !== undefined) await deleteQueueFile(deleted)
  } catch (error) {
    node.error(errorText(error))
  }
}
