import type { Node, NodeAPI } from 'node-red'
import { DeliveryError } from '../../src/delivery/delivery-error.ts'
import { english } from '../../src/english.ts'
import { DiskEngine } from '../../src/queue/disk-engine.ts'
import { filledQueueFiles } from '../../src/queue/queue-files.ts'
import { queueKey } from '../../src/queue/queue-key.ts'
import { dataDirectory, fleetingPlaces, queueDirectory } from '../settings/queue-directory.ts'
import type { OutSettings } from '../settings/read-out-settings.ts'
import { queueKeySetting } from '../settings/secret-value.ts'

let isPlaceTold = false

/**
 * The queue file of a node, which need not exist yet.
 *
 * @throws {DeliveryError} `HL7_CONFIG`
 */
export function diskEngine(RED: NodeAPI, node: Node, settings: OutSettings): DiskEngine {
  const ownKey = queueKeySetting(RED)
  const directory = queueDirectory(RED)
  if (typeof directory !== 'string' || directory === '') {
    throw new DeliveryError('HL7_CONFIG', english('log', 'problem.queueDirectory'))
  }
  const notice = (text: string): void => {
    node.warn(text)
  }
  if (settings.queue === 'disk') tellPlace(RED)
  const { contentDays, delivery, journalDays, mostKeptBytes } = settings
  return new DiskEngine({
    directory,
    journalDays,
    contentDays,
    mostKeptBytes,
    order: delivery.order,
    orderKey: settings.orderKey?.text ?? '',
    name: node.id,
    key: () =>
      queueKey(ownKey, dataDirectory(RED), notice, async () =>
        (await filledQueueFiles(directory)).map(({ path }) => path)
      ),
    onFault: (error) => {
      node.error(error.message)
    },
    onNotice: notice
  })
}

/** Says once for all nodes if FlowFuse may remove what they store. */
function tellPlace(RED: NodeAPI): void {
  const [first, second = ''] = fleetingPlaces(RED)
  if (isPlaceTold || first === undefined) return
  isPlaceTold = true
  const places = second === '' ? first : `${first} and ${second}`
  RED.log.warn(`hl7-https-out: ${english('log', 'log.fleeting', { places })}`)
}
