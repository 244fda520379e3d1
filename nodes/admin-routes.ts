import { randomUUID } from 'node:crypto'
import type { Request, Response } from 'express'
import type { Node, NodeAPI } from 'node-red'
import type { DeliveryState } from '../src/delivery/delivery-options.ts'
import { OutboxError, type EntryFacts } from '../src/outbox/outbox.ts'
import type { TokenTestResult } from '../src/oauth2/test-token.ts'
import { testToken } from '../src/oauth2/test-token.ts'
import { readConnection } from './connection.ts'
import { environmentValue, type Credentials } from './named-values.ts'
import { notSetUp } from './node-errors.ts'
import { authParts, outParts, type OutParts, type Unusable } from './node-parts.ts'
import { isUnset, Properties } from './properties.ts'
import { readTokenSettings, tokenHttpClient } from './read-token-settings.ts'

/** What the editor sends in place of a password that it was never given. */
const UNCHANGED = '__PWRD__'

/** A handler whose rejection is answered, not thrown: an unhandled one would end Node-RED. */
type Handler = (request: Request<Record<string, string>>, response: Response) => Promise<void>

/** Routes for the state of the sending nodes and for what an operator does with it. */
export function registerOutRoutes(RED: NodeAPI): void {
  const read = RED.auth.needsPermission('hl7-https-out.read')
  const write = RED.auth.needsPermission('hl7-https-out.write')
  const base = '/hl7-https-out/:id'

  const withNode =
    (
      action: (node: OutParts | Unusable, request: Request<Record<string, string>>) => unknown
    ): Handler =>
    async (request, response) => {
      const node = RED.nodes.getNode(request.params['id'] ?? '') as Node | null
      const parts = node === null ? undefined : outParts.get(node)
      if (parts === undefined) {
        response.status(404).json({ error: 'There is no such node, or it is not deployed.' })
        return
      }
      const answer = await action(parts, request)
      if (answer === undefined) response.status(404).json({ error: 'There is no such message.' })
      else response.json(answer)
    }

  RED.httpAdmin.get(base, read, guarded(withNode((node) => stateOf(node))))
  RED.httpAdmin.post(
    `${base}/pause`,
    write,
    guarded(
      withNode(async (node) => {
        if ('delivery' in node) await node.delivery.pause()
        return stateOf(node)
      })
    )
  )
  RED.httpAdmin.post(
    `${base}/resume`,
    write,
    guarded(
      withNode(async (node) => {
        if ('delivery' in node) await node.delivery.resume()
        return stateOf(node)
      })
    )
  )
  RED.httpAdmin.get(
    `${base}/suspended`,
    read,
    guarded(
      withNode(async (node) => {
        if (!('delivery' in node)) return []
        await node.delivery.open()
        return node.delivery.suspended.map(suspendedRow)
      })
    )
  )
  for (const action of ['resend', 'discard'] as const) {
    RED.httpAdmin.post(
      `${base}/suspended/:messageId/${action}`,
      write,
      guarded(
        withNode(async (node, { params }) => {
          const chosen = ({ seq }: EntryFacts): boolean => String(seq) === params['messageId']
          const found = 'delivery' in node ? await node.delivery[action](chosen) : 0
          return found === 0 ? undefined : stateOf(node)
        })
      )
    )
  }
  RED.httpAdmin.post(
    `${base}/test`,
    write,
    guarded(
      withNode(async (node, { body }) => {
        const { type } = (body ?? {}) as { type?: unknown }
        const id = `TEST${randomUUID().replaceAll('-', '').slice(0, 16).toUpperCase()}`
        return 'sendTest' in node
          ? await node.sendTest(typeof type === 'string' ? type : 'ADT^A01', id)
          : { error: { code: 'HL7_CONFIG', message: notSetUp(node.problems) } }
      })
    )
  )
}

/** The route behind the Test button of the config node. */
export function registerTokenRoute(RED: NodeAPI): void {
  const write = RED.auth.needsPermission('oauth2-client-credentials.write')
  RED.httpAdmin.post(
    '/oauth2-client-credentials/:id/test',
    write,
    guarded(async (request, response) => {
      const body: unknown = request.body
      const config = typeof body === 'object' && body !== null ? body : {}
      response.json(await test(RED, request.params['id'] ?? '', config))
    })
  )
}

async function test(RED: NodeAPI, id: string, config: object): Promise<TokenTestResult> {
  const found = RED.nodes.getNode(id) as Node | null
  const parts = found === null ? undefined : authParts.get(found)
  // Another node's credentials are none of ours, whatever their names.
  const deployed = parts === undefined ? null : found
  const stored = parts === undefined ? {} : (RED.nodes.getCredentials(id) as Credentials | null)
  const { credentials, ...given } = config as { credentials?: unknown }
  const properties = new Properties(resolved(RED, deployed, given) as object, given)
  const connection = readConnection(RED, properties)
  if (properties.problems.length > 0) {
    const text = properties.problems.join('; ')
    return problem(
      text,
      connection.missing
        ? `It is not deployed: deploy it first, then test again.`
        : `Correct this: ${text}.`
    )
  }
  const settings = readTokenSettings(
    RED,
    deployed,
    properties,
    resolved(RED, deployed, withStored(credentials, stored ?? {})) as Credentials,
    connection
  )
  if (properties.problems.length > 0) {
    const text = properties.problems.join('; ')
    return problem(text, `Correct this in the form: ${text}.`)
  }
  const httpClient = tokenHttpClient(connection)
  try {
    const result = await testToken(settings, httpClient)
    if (result.ok) parts?.tokens?.clearBackOff()
    return result
  } finally {
    httpClient.close()
  }
}

function problem(description: string, hint: string): TokenTestResult {
  return { ok: false, code: 'CONFIG', status: null, description, hint }
}

/** The form's credentials; those that were not typed anew are the stored ones. */
function withStored(typed: unknown, stored: Credentials): Credentials {
  if (typeof typed !== 'object' || typed === null) return { ...stored }
  return Object.fromEntries(
    Object.entries(typed as Record<string, unknown>).map(([name, value]) => [
      name,
      value === UNCHANGED ? stored[name] : value
    ])
  )
}

/** Environment variables in place, as Node-RED does it for deployed nodes. */
function resolved(RED: NodeAPI, node: Node | null, value: unknown, depth = 0): unknown {
  if (typeof value === 'string' && isUnset(value)) {
    const found = environmentValue(RED, node, value)
    return found ?? value
  }
  // A flow file's lists are two deep; what is deeper is none.
  if (typeof value !== 'object' || value === null || depth > 4) return value
  if (Array.isArray(value)) return value.map((item) => resolved(RED, node, item, depth + 1))
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, resolved(RED, node, item, depth + 1)])
  )
}

async function stateOf(
  node: OutParts | Unusable
): Promise<Omit<DeliveryState, 'retry' | 'lastOutcome' | 'longestWaitMs'>> {
  if (!('delivery' in node)) {
    return {
      state: 'error',
      queued: 0,
      inFlight: 0,
      suspended: 0,
      acked: 0,
      naked: 0,
      failed: 0,
      oldestAgeMs: 0,
      lastError: { code: 'HL7_CONFIG', at: node.since },
      latencyMs: { p50: 0, p95: 0, p99: 0 }
    }
  }
  // Before its queue is open a node knows nothing of what waits in it. A failure is in the state.
  await node.delivery.open().catch(() => undefined)
  const { retry, lastOutcome, longestWaitMs, ...state } = node.delivery.state()
  return state
}

function suspendedRow(facts: EntryFacts): Record<string, unknown> {
  const { seq, controlId, type, suspendedAt, attempts, reason } = facts
  return {
    id: String(seq),
    controlId,
    type,
    suspendedAt: suspendedAt === undefined ? null : new Date(suspendedAt).toISOString(),
    attempts,
    reason: reason ?? ''
  }
}

function guarded(
  handler: Handler
): (request: Request<Record<string, string>>, response: Response) => void {
  return (request, response) => {
    handler(request, response).catch((error: unknown) => {
      if (response.headersSent) return
      // What else was thrown may hold what was sent in: it is not for an answer.
      const text = error instanceof OutboxError ? error.message : 'This did not work.'
      response.status(500).json({ error: text })
    })
  }
}
