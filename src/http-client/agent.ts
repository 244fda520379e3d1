import { Agent as HttpAgent } from 'node:http'
import type { AgentOptions } from 'node:https'
import type { ConnectionOptions } from 'node:tls'
import type { Clock } from '../clock.ts'
import type { Proxy } from './proxy.ts'
import { TargetAgent } from './target-agent.ts'
import { TunnelAgent } from './tunnel-agent.ts'

/** The options that Node-RED's `tls-config` sets (`addTLSOptions`). */
export type TlsSettings = Pick<
  ConnectionOptions,
  | 'ca'
  | 'cert'
  | 'key'
  | 'pfx'
  | 'passphrase'
  | 'servername'
  | 'rejectUnauthorized'
  | 'ALPNProtocols'
>

/** The agent that keeps the connections to one target. */
export function createAgent(
  target: URL,
  proxy: Proxy | undefined,
  tls: TlsSettings | undefined,
  maxConnections: number,
  connectTimeoutMs: number,
  clock: Clock
): HttpAgent {
  const options: AgentOptions = {
    keepAlive: true,
    maxFreeSockets: maxConnections,
    // The server is least likely to have closed the most recently used connection.
    scheduling: 'lifo',
    ...tls,
    // Explicit, because NODE_TLS_REJECT_UNAUTHORIZED would turn it off for everything.
    rejectUnauthorized: tls?.rejectUnauthorized ?? true,
    minVersion: 'TLSv1.2'
  }
  if (target.protocol === 'http:') return new HttpAgent(options)
  if (proxy === undefined) return new TargetAgent(options, clock)
  return new TunnelAgent(options, clock, target, proxy, connectTimeoutMs)
}
