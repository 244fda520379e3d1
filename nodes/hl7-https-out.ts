import type { Node, NodeAPI, NodeDef } from 'node-red'
import { DeliveryError } from '../src/delivery/delivery-error.ts'
import { deleteQueueFile, queueFilePath } from '../src/queue/queue-files.ts'
import { handBack } from './flow/accept-and-emit.ts'
import { onceFlowsStarted } from './flow/flows-started.ts'
import { OutNode } from './flow/out-node.ts'
import { deployedOutNodes, outParts } from './flow/out-parts.ts'
import { NotAccepted } from './flow/not-accepted.ts'
import { misconfigured } from './flow/status-line.ts'
import type { Translate } from './flow/status-texts.ts'
import { deletion, reportOrphanedQueues } from './operations/orphaned-queues.ts'
import { registerPage } from './operations/page-route.ts'
import { registerRoutes } from './operations/register-routes.ts'
import { OUT_ROUTES } from './operations/route-table.ts'
import { somethingChanged } from './operations/sidebar.ts'
import { outCredentials } from './settings/hl7-https-out-properties.ts'
import { errorText, notSetUp } from './settings/node-errors.ts'
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
    const since = new Date().toISOString()
    outParts.set(this, { since, problems, refusals: new NotAccepted() })
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
    void outNode.close(isDeleted(removed)).finally(done)
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
    handBack(node, content, new DeliveryError('HL7_CONFIG', text))
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
