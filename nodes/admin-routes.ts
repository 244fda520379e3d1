import { randomUUID } from 'node:crypto'
import type { Request, Response } from 'express'
import type { Node, NodeAPI } from 'node-red'
import type { DeliveryState } from '../src/delivery/delivery-state.ts'
import { OutboxError, type Entry } from '../src/outbox/outbox.ts'
import { notSetUp } from './node-errors.ts'
import { outParts, type OutParts, type Unusable } from './node-parts.ts'
import { holdsPermission } from './permissions.ts'

/** A handler whose rejection is answered, not thrown: an unhandled rejection would end Node-RED. */
type Handler = (request: Request<Record<string, string>>, response: Response) => Promise<void>

/** Routes for the state of the sending nodes and for the actions of an operator. */
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
          const chosen = ({ seq }: Entry): boolean => String(seq) === params['messageId']
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
      withNode(async (node, request) => {
        const { type } = (request.body ?? {}) as { type?: unknown }
        const id = `TEST${randomUUID().replaceAll('-', '').slice(0, 16).toUpperCase()}`
        return 'sendTest' in node
          ? await node.sendTest(typeof type === 'string' ? type : 'ADT^A01', id, () =>
              holdsPermission(RED, request, 'flows.write')
            )
          : { error: { code: 'HL7_CONFIG', message: notSetUp(node.problems) } }
      })
    )
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
  // Until its queue is open, a node does not know what waits in it. A failure is in the state.
  await node.delivery.open().catch(() => undefined)
  const { retry, lastOutcome, longestWaitMs, ...state } = node.delivery.state()
  return state
}

function suspendedRow(entry: Entry): Record<string, unknown> {
  const { seq, controlId, type, suspendedAt, attempts, reason } = entry
  return {
    id: String(seq),
    controlId,
    type,
    suspendedAt: suspendedAt === undefined ? null : new Date(suspendedAt).toISOString(),
    attempts,
    reason: reason ?? ''
  }
}

/** Answers if the handler rejects, with a text that contains nothing of the request. */
export function guarded(
  handler: Handler
): (request: Request<Record<string, string>>, response: Response) => void {
  return (request, response) => {
    handler(request, response).catch((error: unknown) => {
      if (response.headersSent) return
      // Any other error may contain parts of the request: it is not for an answer.
      const text =
        error instanceof OutboxError
          ? error.message
          : 'The request failed because of an internal error.'
      response.status(500).json({ error: text })
    })
  }
}
