import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent, type AgentOptions } from 'node:https'
import type { ConnectionOptions } from 'node:tls'
import { HttpProxyAgent, HttpsProxyAgent } from 'hpagent'

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
  proxy: URL | undefined,
  tls: TlsSettings | undefined,
  maxConnections: number,
  connectTimeoutMs: number
): TargetAgent {
  const options: AgentOptions = {
    keepAlive: true,
    maxSockets: maxConnections,
    // The connection used last is the one that the server least likely closed meanwhile.
    scheduling: 'lifo',
    minVersion: 'TLSv1.2',
    ...tls
  }
  const secure = target.protocol === 'https:'
  if (proxy === undefined) {
    return secure ? { https: new HttpsAgent(options) } : { http: new HttpAgent(options) }
  }
  // hpagent takes its limit for CONNECT from here; to the sockets it is an idle limit.
  const proxied = { ...options, proxy, timeout: connectTimeoutMs }
  return secure ? { https: new HttpsProxyAgent(proxied) } : { http: new HttpProxyAgent(proxied) }
}
