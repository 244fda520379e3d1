import type { Node, NodeAPI } from 'node-red'
import type { TokenStatus } from '../../src/oauth2/token-status.ts'
import { authParts, deployedAuthNodes } from '../settings/auth-parts.ts'
import { flowsStopped } from '../settings/flows-state.ts'
import { deployedOutNodes, outParts } from '../flow/out-parts.ts'
import { nameOf } from './name-of.ts'
import { metricsText, type NodeFigures, type TokenFigures } from './metrics.ts'

/** The figures of all nodes that run, as Prometheus reads them. */
export function metrics(RED: NodeAPI): string {
  const now = Date.now()
  return metricsText(
    [...deployedOutNodes.values()].flatMap((node) => nodeFigures(node, now)),
    [...deployedAuthNodes.values()].flatMap(tokenFigures),
    { areFlowsRunning: flowsStopped(RED) === undefined }
  )
}

/** @param now wall clock, milliseconds */
function nodeFigures(node: Node, now: number): NodeFigures[] {
  const parts = outParts.get(node)
  if (parts === undefined) return []
  const { id } = node
  const name = nameOf(node.name)
  const common = { id, refused: parts.refusals.counts }
  if (!('delivery' in parts)) {
    const conditions = parts.conditions()
    const none = { delivery: undefined, tokenValidMs: undefined, certificates: [], conditions }
    return [{ ...common, name: name || id, ...none }]
  }
  const { certificates, delivery, names } = parts
  const tokens = parts.tokens()
  return [
    {
      ...common,
      name: name || names.host,
      delivery: delivery.figures(),
      tokenValidMs: tokens && tokenValidMs(tokens.status, now),
      certificates: certificates.all().map(({ of, validTo }) => ({ of, validMs: validTo - now })),
      conditions: parts.conditions.current()
    }
  ]
}

function tokenFigures(node: Node): TokenFigures[] {
  const { host, tokens } = authParts.get(node) ?? {}
  if (tokens === undefined) return []
  const { id, name } = node
  return [{ id, name: nameOf(name) || host || id, requests: tokens.requests }]
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
