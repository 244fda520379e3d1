import { randomUUID } from 'node:crypto'
import type { Response } from 'express'
import type { Node, NodeAPI } from 'node-red'
import { Courier } from '../src/delivery/courier.ts'
import { printable } from '../src/delivery/explain.ts'
import { UndiciClient } from '../src/http-client/undici-client.ts'
import { Receiver } from '../src/https/receiver.ts'
import { givenSettings, withVariables, type GivenSettings } from './given-settings.ts'
import { outProperties } from './hl7-https-out-properties.ts'
import { notSetUp } from './node-errors.ts'
import { deployedOutNodes, outParts, type TestMessageResult } from './node-parts.ts'
import { audit, guarded, notThere, userOf, type AdminRequest } from './operations/routes.ts'
import { holdsPermission } from './permissions.ts'
import { readOutSettings } from './read-out-settings.ts'
import { sendTestMessage } from './test-message.ts'

type TestFailure = Pick<TestMessageResult, 'error'>

const NOT_ALLOWED: TestFailure = {
  error: {
    code: 'ERR_NOT_ALLOWED',
    reason:
      'These are not the deployed settings: testing other settings requires the permission flows.write.',
    hint: 'Deploy first, or ask for the permission flows.write.'
  }
}

/** The route behind the buttons Send test message, in the form and in the sidebar. */
export function registerTestRoute(RED: NodeAPI): void {
  RED.httpAdmin.post(
    '/hl7-https-out/:id/test',
    RED.auth.needsPermission('hl7-https-out.write'),
    guarded(async (request, response) => {
      audit(RED, request, 'hl7-https-out.test')
      const { type, node: given } = (request.body ?? {}) as { type?: unknown; node?: unknown }
      await test(RED, request, response, typeof type === 'string' ? type : 'ADT^A01', given)
    })
  )
}

/** @param given the settings in the form; undefined: those that are deployed */
async function test(
  RED: NodeAPI,
  request: AdminRequest,
  response: Response,
  type: string,
  given: unknown
): Promise<void> {
  const mayDeploy = (): Promise<boolean> => holdsPermission(RED, request, 'flows.write')
  const node = deployedOutNodes.get(request.params['id'] ?? '') ?? null
  const parts = node === null ? undefined : outParts.get(node)
  const settings =
    given === undefined ? undefined : givenSettings(RED, node, outProperties, [], given)
  if (settings === undefined && parts === undefined) {
    notThere(response)
    return
  }
  const isDeployed = settings === undefined || settings.isDeployed
  if (!isDeployed && !(await mayDeploy())) {
    response.status(403).json(NOT_ALLOWED)
    return
  }
  if (parts !== undefined && 'eventLog' in parts) {
    parts.eventLog.add('tested', userOf(request), { type: printable(type, 20) })
  }
  if (!isDeployed || parts === undefined) {
    response.json(await send(RED, node, settings as GivenSettings, type))
  } else if ('sendTest' in parts) {
    response.json(await parts.sendTest(type, newControlId(), mayDeploy))
  } else {
    response.json(failure('HL7_CONFIG', notSetUp(parts.problems)))
  }
}

/** Sends the sample with settings that are not deployed, for somebody who could deploy them. */
async function send(
  RED: NodeAPI,
  node: Node | null,
  { properties, credentials }: GivenSettings,
  type: string
): Promise<TestMessageResult | TestFailure> {
  const { settings, problems, missing } = readOutSettings(RED, node, {
    config: withVariables(RED, node, properties),
    written: properties,
    credentials: withVariables(RED, node, credentials)
  })
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
    const mayReadAll = (): Promise<boolean> => Promise.resolve(true)
    return await sendTestMessage(courier, receiver, settings, type, newControlId(), mayReadAll)
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
