import type { Node, NodeAPI } from 'node-red'
import { Courier } from '../../src/delivery/courier.ts'
import { UndiciClient } from '../../src/http-client/undici-client.ts'
import { Receiver } from '../../src/https/receiver.ts'
import { printable } from '../../src/printable.ts'
import { FormConfigNodes } from '../settings/form-config-nodes.ts'
import { formSource } from '../settings/node-source.ts'
import { notSetUp } from '../settings/node-errors.ts'
import { newControlId } from '../flow/new-control-id.ts'
import { deployedOutNodes, outParts } from '../flow/out-parts.ts'
import { readOutSettings } from '../settings/read-out-settings.ts'
import { sendTestMessage } from './test-message.ts'
import type { TestAnswer } from './test-result.ts'

/** What a test asks for. */
export interface Test {
  /** MSH-9 of the sample. */
  type: string
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
export async function testNode(
  RED: NodeAPI,
  id: string,
  { type, form, by }: Test
): Promise<TestAnswer | undefined> {
  const node = deployedOutNodes.get(id) ?? null
  const parts = node === null ? undefined : outParts.get(node)
  if (form === undefined && parts === undefined) return undefined
  if (parts !== undefined && 'reporter' in parts) {
    parts.reporter.addEvent('tested', by, { type: printable(type, 20) })
  }
  if (form !== undefined || parts === undefined) return testForm(RED, node, form, type)
  if ('sender' in parts) return sendTestMessage(parts.sender, type, newControlId('TEST'))
  return failure('HL7_CONFIG', notSetUp(parts.problems))
}

/** @param node null if it is not deployed */
async function testForm(
  RED: NodeAPI,
  node: Node | null,
  form: unknown,
  type: string
): Promise<TestAnswer> {
  const source = formSource(RED, node, form)
  const configNodes = new FormConfigNodes(RED, source.nodes)
  let client: UndiciClient | undefined
  try {
    const { settings, problems } = readOutSettings(RED, node, source, configNodes.find)
    if (settings === undefined) return failure('HL7_CONFIG', notSetUp(problems))
    client = new UndiciClient(settings.client)
    const receiver = new Receiver(settings.receiver, client)
    const courier = new Courier({ ...settings.courier, receiver })
    return await sendTestMessage({ courier, receiver, settings }, type, newControlId('TEST'))
  } finally {
    client?.close()
    configNodes.close()
  }
}

function failure(code: string, reason: string): TestAnswer {
  return { error: { code, reason, hint: '' } }
}
