import type { Node, NodeAPI } from 'node-red'
import type { TokenStatus } from '../../src/oauth2/token-cache.ts'
import { authParts, deployedAuthNodes } from '../auth-parts.ts'
import { deployedOutNodes, outParts } from '../out-parts.ts'
import { guarded } from './routes.ts'
import { metricsText, type NodeFigures, type TokenFigures } from './metrics.ts'

/** Which version of the text format it is, in the words that Prometheus knows. */
const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** The route that Prometheus scrapes: the figures of all nodes that are deployed. */
export function registerMetricsRoute(RED: NodeAPI): void {
  const read = RED.auth.needsPermission('hl7-https-out.read')
  const answer: Parameters<typeof guarded>[0] = (_request, response) => {
    const now = Date.now()
    const text = metricsText(
      [...deployedOutNodes.values()].flatMap((node) => nodeFigures(node, now)),
      [...deployedAuthNodes.values()].flatMap(tokenFigures)
    )
    // Express would put the parameters of the type into another order.
    response.setHeader('Content-Type', CONTENT_TYPE)
    response.end(text)
    return Promise.resolve()
  }
  RED.httpAdmin.get('/hl7-https-out/metrics', read, guarded(answer))
}

/** @param now wall clock, milliseconds */
function nodeFigures(node: Node, now: number): NodeFigures[] {
  const parts = outParts.get(node)
  if (parts === undefined) return []
  const { id, name } = node
  const common = { id, refused: parts.refusals.counts }
  if (!('delivery' in parts)) {
    const none = { delivery: undefined, tokenValidMs: undefined, certificates: [] }
    return [{ ...common, name: name || id, ...none }]
  }
  const { certificates, delivery, host, tokens } = parts
  return [
    {
      ...common,
      name: name || host,
      delivery: delivery.figures(),
      tokenValidMs: tokens && tokenValidMs(tokens.status, now),
      certificates: certificates.all().map(({ of, validTo }) => ({ of, validMs: validTo - now }))
    }
  ]
}

function tokenFigures(node: Node): TokenFigures[] {
  const { host, tokens } = authParts.get(node) ?? {}
  if (tokens === undefined) return []
  const { id, name } = node
  return [{ id, name: name || host || id, requests: tokens.requests }]
}

function tokenValidMs(status: TokenStatus, now: number): number | undefined {
  switch (status.state) {
    case 'ok':
    case 'refresh failing':
      return Math.max(0, status.validUntil - now)
    case 'none':
      return 0
    case 'idle':
      return undefined
  }
}
