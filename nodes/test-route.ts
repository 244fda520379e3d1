import { randomUUID } from 'node:crypto'
import type { Node, NodeAPI } from 'node-red'
import { Courier } from '../src/delivery/courier.ts'
import { UndiciClient } from '../src/http-client/undici-client.ts'
import { Receiver } from '../src/https/receiver.ts'
import { printable } from '../src/printable.ts'
import { FormConfigNodes } from './form-config-nodes.ts'
import { formSource } from './node-source.ts'
import { notSetUp } from './node-errors.ts'
import type { TestAnswer } from './operations/answers.ts'
import type { Asked } from './operations/register-routes.ts'
import { refused } from './operations/route-error.ts'
import { deployedOutNodes, outParts } from './out-parts.ts'
import { readOutSettings } from './read-out-settings.ts'
import { sendTestMessage } from './test-message.ts'

/** Answers the buttons *Send test message*, in the form and in the sidebar. */
export async function answerTest(
  RED: NodeAPI,
  { params, question, user }: Asked<'testNode'>
): Promise<TestAnswer> {
  const type = typeof question.type === 'string' ? question.type : 'ADT^A01'
  // What is deployed, if it is missing.
  const form = question.node
  const node = deployedOutNodes.get(params.id) ?? null
  const parts = node === null ? undefined : outParts.get(node)
  if (form === undefined && parts === undefined) throw refused(404, 'refusal.noNode')
  if (parts !== undefined && 'reporter' in parts) {
    parts.reporter.addEvent('tested', user, { type: printable(type, 20) })
  }
  if (form !== undefined || parts === undefined) return testForm(RED, node, form, type)
  if ('sendTest' in parts) return parts.sendTest(type, newControlId())
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
    return await sendTestMessage(courier, receiver, settings, type, newControlId())
  } finally {
    client?.close()
    configNodes.close()
  }
}

function failure(code: string, reason: string): TestAnswer {
  return { error: { code, reason, hint: '' } }
}

function newControlId(): string {
  return `TEST${randomUUID().replaceAll('-', '').slice(0, 16).toUpperCase()}`
}
