import type { Node, NodeAPI, NodeDef } from 'node-red'
import { DeliveryError } from '../src/delivery/delivery-error.ts'
import { deleteQueueFile, isQueueFileInUse, queueFilePath } from '../src/queue/queue-files.ts'
import { handBack } from './flow/accept-and-emit.ts'
import { configConditions } from './flow/conditions.ts'
import { onceFlowsStarted } from './flow/flows-started.ts'
import { OutNode } from './flow/out-node.ts'
import { deployedOutNodes, outParts, type Unusable } from './flow/out-parts.ts'
import { NotAccepted } from './flow/not-accepted.ts'
import { misconfigured } from './flow/status-line.ts'
import { forgetTurnedAway, turnedAwayOf } from './flow/turned-away.ts'
import type { Translate } from './flow/status-texts.ts'
import { deletion, reportOrphanedQueues } from './operations/orphaned-queues.ts'
import { registerPage } from './operations/page-route.ts'
import { registerRoutes } from './operations/register-routes.ts'
import { OUT_ROUTES } from './operations/route-table.ts'
import { somethingChanged } from './operations/sidebar.ts'
import { outCredentials } from './settings/hl7-https-out-properties.ts'
import { errorText, isOfCredentials, notSetUp } from './settings/node-errors.ts'
import { watchFlows } from './settings/flows-state.ts'
import { listNode } from './settings/node-lifecycle.ts'
import { deployedSource } from './settings/node-source.ts'
import { typesOf } from './settings/property-table.ts'
import { queueDirectory } from './settings/queue-directory.ts'
import { OF_AUTH, readOutSettings, type OutSettings } from './settings/read-out-settings.ts'

/** Registers the node that sends HL7 messages and routes their acknowledgements. */
export default function (RED: NodeAPI): void {
  registerPage(RED)
  registerRoutes(RED, OUT_ROUTES, async () =>
    (await import('./operations/routes.ts')).outRoutes(RED)
  )
  reportOrphanedQueues(RED)
  watchFlows(RED, somethingChanged)

  function Hl7HttpsOut(this: Node, config: NodeDef): void {
    RED.nodes.createNode(this, config)
    listNode(deployedOutNodes, this)
    const translate: Translate = (key, values) => RED._(key, values ?? {})
    let problems: readonly string[]
    let unset: readonly string[] = []
    try {
      const read = readOutSettings(RED, this, deployedSource(RED, this, config))
      if (read.settings !== undefined) {
        run(RED, this, read.settings, translate)
        return
      }
      problems = read.problems
      unset = read.unset
    } catch (error) {
      problems = [errorText(error)]
    }
    refuseEverything(RED, this, problems, (conditions) => {
      this.status(misconfigured(conditions, translate, unset))
    })
  }

  RED.nodes.registerType('hl7-https-out', Hl7HttpsOut, {
    credentials: typesOf(outCredentials)
  })
}

/** @throws {DeliveryError} `HL7_CONFIG` */
function run(RED: NodeAPI, node: Node, settings: OutSettings, translate: Translate): void {
  const outNode = new OutNode({ RED, node, translate, onChange: somethingChanged }, settings)
  outParts.set(node, outNode.parts)
  outNode.start()
  node.on('input', (msg, send, done) => {
    outNode.receive(msg, send, done)
  })
  const isDeleted = deletion(RED, node)
  node.on('close', (removed: boolean | undefined, done: () => void) => {
    if (isDeleted(removed)) forgetTurnedAway(node.id)
    void outNode.close(isDeleted(removed)).finally(done)
  })
}

/** A node that cannot be used reports this for each message; none disappears. */
function refuseEverything(
  RED: NodeAPI,
  node: Node,
  problems: readonly string[],
  show: (conditions: ReturnType<Unusable['conditions']>) => void
): void {
  const text = notSetUp(problems)
  const since = Date.now()
  const turnedAway = turnedAwayOf(node.id)
  let isUsed = turnedAway.current?.lasts === true || problems.some(isOfCredentials)
  const conditions = (): ReturnType<Unusable['conditions']> =>
    configConditions({ problems, since, isUsed, turnedAway: turnedAway.current })
  outParts.set(node, { conditions, problems, refusals: new NotAccepted(), turnedAway })
  let isStarted = false
  const update = (): void => {
    if (isStarted) show(conditions())
  }
  // Status nodes see nothing before.
  const callOff = onceFlowsStarted(RED, () => {
    isStarted = true
    update()
  })
  node.on('close', callOff)
  const path = queueFile(RED, node)
  if (path !== undefined) {
    turnedAway.knowsFile(path)
    // Messages of an earlier run, when it was set up.
    void isQueueFileInUse(path)
      .catch(() => true)
      .then((isInUse) => {
        isUsed ||= isInUse
        update()
      })
  }
  // The config node has reported its own, once for all nodes that use it.
  const own = problems.filter((problem) => !problem.startsWith(OF_AUTH))
  if (own.length > 0) node.error(notSetUp(own))
  node.on('input', (msg, _send, done) => {
    const content = { msg, payload: msg.payload, done }
    handBack(node, content, new DeliveryError('HL7_CONFIG', text))
    isUsed = true
    update()
    somethingChanged()
  })
  const isDeleted = deletion(RED, node)
  node.on('close', (removed: boolean | undefined, done: () => void) => {
    isStarted = false
    if (isDeleted(removed)) {
      forgetTurnedAway(node.id)
      void deleteFile(RED, node).finally(done)
    } else done()
  })
}

/** Deletes the queue file of a deleted node, from when it was set up, if it is empty. Never rejects. */
async function deleteFile(RED: NodeAPI, node: Node): Promise<void> {
  const path = queueFile(RED, node)
  try {
    if (path !== undefined) await deleteQueueFile(path)
  } catch (error) {
    node.error(errorText(error))
  }
}

/** Undefined if the setting for its directory is why the node is not set up. */
function queueFile(RED: NodeAPI, node: Node): string | undefined {
  const directory = queueDirectory(RED)
  if (typeof directory !== 'string' || directory === '') return undefined
  return queueFilePath(directory, node.id)
}
