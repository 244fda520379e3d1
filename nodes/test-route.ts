import { randomUUID } from 'node:crypto'
import type { NextFunction, Response } from 'express'
import type { Node, NodeAPI } from 'node-red'
import { Courier } from '../src/delivery/courier.ts'
import { UndiciClient } from '../src/http-client/undici-client.ts'
import { Receiver } from '../src/https/receiver.ts'
import { printable } from '../src/printable.ts'
import { readFormSettings } from './form-settings.ts'
import { notSetUp } from './node-errors.ts'
import { deployedOutNodes, outParts, type TestMessageResult } from './out-parts.ts'
import { audit, guarded, notThere, userOf, type AdminRequest } from './operations/routes.ts'
import { readOutSettings } from './read-out-settings.ts'
import { sendTestMessage } from './test-message.ts'

type TestFailure = Pick<TestMessageResult, 'error'>

/** The route behind the buttons Send test message, in the form and in the sidebar. */
export function registerTestRoute(RED: NodeAPI): void {
  const author = RED.auth.needsPermission('flows.write')
  const operator = RED.auth.needsPermission('hl7-https-out.write')
  RED.httpAdmin.post(
    '/hl7-https-out/:id/test',
    // What stands in a form may name any host and any variable: it is for those who may deploy it.
    (request: AdminRequest, response: Response, next: NextFunction) => {
      const guard = wanted(request).form === undefined ? operator : author
      guard(request, response, next)
    },
    guarded(async (request, response) => {
      audit(RED, request, 'hl7-https-out.test')
      await test(RED, request, response)
    })
  )
}

/** @returns the message type, and the settings in the form; undefined: those that are deployed */
function wanted(request: AdminRequest): { type: string; form: unknown } {
  const { type, node } = (request.body ?? {}) as { type?: unknown; node?: unknown }
  return { type: typeof type === 'string' ? type : 'ADT^A01', form: node }
}

async function test(RED: NodeAPI, request: AdminRequest, response: Response): Promise<void> {
  const { type, form } = wanted(request)
  const node = deployedOutNodes.get(request.params['id'] ?? '') ?? null
  const parts = node === null ? undefined : outParts.get(node)
  if (form === undefined && parts === undefined) {
    notThere(response)
    return
  }
  if (parts !== undefined && 'reporter' in parts) {
    parts.reporter.addEvent('tested', userOf(request), { type: printable(type, 20) })
  }
  if (form !== undefined || parts === undefined) {
    response.json(await testForm(RED, node, form, type))
  } else if ('sendTest' in parts) {
    response.json(await parts.sendTest(type, newControlId()))
  } else {
    response.json(failure('HL7_CONFIG', notSetUp(parts.problems)))
  }
}

/** @param node null if it is not deployed */
async function testForm(
  RED: NodeAPI,
  node: Node | null,
  form: unknown,
  type: string
): Promise<TestMessageResult | TestFailure> {
  const source = readFormSettings(RED, node, form)
  const { settings, problems, missing } = readOutSettings(RED, node, source)
  if (settings === undefined) {
    return failure(
      'HL7_CONFIG',
      notSetUp(problems),
      missing ? 'Deploy first: a test uses the deployed OAuth 2.0, TLS and proxy settings.' : ''
    )
  }
  const client = new UndiciClient(settings.client)
  try {
    const receiver = new Receiver(settings.receiver, client)
    const courier = new Courier({ ...settings.courier, receiver })
    return await sendTestMessage(courier, receiver, settings, type, newControlId())
  } finally {
    client.close()
  }
}

function failure(code: string, reason: string, hint = ''): TestFailure {
  return { error: { code, reason, hint } }
}

function newControlId(): string {
  return `TEST${randomUUID().replaceAll('-', '').slice(0, 16).toUpperCase()}`
}
