import type { Node, NodeAPI } from 'node-red'
import { Courier } from '../../src/delivery/courier.ts'
import { UndiciClient } from '../../src/http-client/undici-client.ts'
import { Receiver } from '../../src/hl7-over-http/receiver.ts'
import { readOutgoingMessage } from '../../src/hl7/outgoing-message.ts'
import { printable } from '../../src/printable.ts'
import { FormConfigNodes } from '../settings/form-config-nodes.ts'
import { formSource } from '../settings/node-source.ts'
import { notSetUp } from '../settings/node-errors.ts'
import { newControlId } from '../flow/new-control-id.ts'
import { deployedOutNodes, outParts } from '../flow/out-parts.ts'
import type { ServerNames } from '../settings/read-out-settings.ts'
import { readOutSettings } from '../settings/read-out-settings.ts'
import { sendTestMessage } from './test-message.ts'
import type { TestAnswer } from './test-result.ts'
import { ownSample, sampleSegments } from './test-sample.ts'

/** What a test asks for. */
export interface Test {
  /** MSH-9 of the sample. */
  type: string
  /** HL7 text that is sent in its place, with a control ID of its own. */
  sample: string | undefined
  /** The request is built and shown, but not sent. */
  isDry: boolean
  /** The properties as in the form; undefined: what is deployed. */
  form: unknown
  /** Who tests. */
  by: string
}

/**
 * Sends a test message.
 *
 * @param id of the node, which need not be deployed if there is a form
 * @returns undefined if there is nothing to test
 */
export async function testOutNode(
  RED: NodeAPI,
  id: string,
  test: Test
): Promise<TestAnswer | undefined> {
  const { form, by, isDry } = test
  const node = deployedOutNodes.get(id) ?? null
  const parts = node === null ? undefined : outParts.get(node)
  if (form === undefined && parts === undefined) return undefined
  const tell = (host: string): void => {
    if (isDry || parts === undefined || !('reporter' in parts)) return
    const type = printable(typeOf(test), 20)
    const values = { type, ...(host !== '' && { host: printable(host) }) }
    parts.reporter.addEvent('tested', by, values)
  }
  if (form !== undefined || parts === undefined) return testForm(RED, node, test, tell)
  tell('names' in parts ? hostsOf(parts.names) : '')
  if ('sender' in parts) return sendTestMessage(parts.sender, sampleOf(test), isDry)
  return failure('HL7_CONFIG', notSetUp(parts.problems))
}

/**
 * @param node null if it is not deployed
 * @param tell gets the host that the form names; `''` if none
 */
async function testForm(
  RED: NodeAPI,
  node: Node | null,
  test: Test,
  tell: (host: string) => void
): Promise<TestAnswer> {
  const { form, isDry } = test
  const source = formSource(RED, node, form)
  const configNodes = new FormConfigNodes(RED, source.nodes)
  let client: UndiciClient | undefined
  try {
    const { settings, problems, unset } = readOutSettings(RED, node, source, configNodes.find)
    tell(settings === undefined ? '' : hostsOf(settings.names))
    if (settings === undefined) return failure('HL7_CONFIG', notSetUp(problems), unset)
    client = new UndiciClient(settings.client)
    const receiver = new Receiver(settings.receiver, client)
    const courier = new Courier({ ...settings.courier, receiver })
    return await sendTestMessage({ courier, receiver, settings }, sampleOf(test), isDry)
  } finally {
    client?.close()
    configNodes.close()
  }
}

/** Each address gets a message. */
function hostsOf({ host, backup }: ServerNames): string {
  return [host, backup].filter(Boolean).join(', ')
}

/** MSH-9 of what is sent; `?` if that is no HL7. */
function typeOf({ sample, type }: Test): string {
  if (sample === undefined) return type
  try {
    return readOutgoingMessage(sample, 'auto').type || '?'
  } catch {
    return '?'
  }
}

function failure(code: string, reason: string, unset: readonly string[] = []): TestAnswer {
  return { error: { code, reason, hint: '', ...(unset.length > 0 && { unset }) } }
}

/** With a control ID of its own each time. */
function sampleOf({ sample, type }: Test): string {
  const controlId = newControlId('TEST')
  if (sample !== undefined) return ownSample(sample, controlId)
  const time = new Date()
    .toISOString()
    .replace(/[^0-9]/g, '')
    .slice(0, 14)
  return sampleSegments(type, controlId, time).join('\r')
}
