import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent, type AgentOptions } from 'node:https'
import type { ConnectionOptions } from 'node:tls'
import type { Proxy } from './proxy.ts'
import { TunnelAgent } from './tunnel-agent.ts'

/** What Node-RED's `tls-config` fills in (`addTLSOptions`). */
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

/** An agent under the name of the protocol that it is for, as got takes it. */
export interface TargetAgent {
  http?: HttpAgent
  https?: HttpsAgent
}

/** The agent that keeps the connections to one target. */
export function createAgent(
  target: URL,
  proxy: Proxy | undefined,
  tls: TlsSettings | undefined,
  maxConnections: number,
  connectTimeoutMs: number
): TargetAgent {
  const options: AgentOptions = {
    keepAlive: true,
    maxFreeSockets: maxConnections,
    // The connection used last is the one that the server least likely closed meanwhile.
    scheduling: 'lifo',
    ...tls,
    // Said aloud, since NODE_TLS_REJECT_UNAUTHORIZED would turn it off for everybody.
    rejectUnauthorized: tls?.rejectUnauthorized ?? true,
    minVersion: 'TLSv1.2'
  }
  if (target.protocol === 'http:') return { http: new HttpAgent(options) }
  return {
    https:
      proxy === undefined
        ? new HttpsAgent(options)
        : new TunnelAgent(options, target, proxy, connectTimeoutMs)
  }
}
