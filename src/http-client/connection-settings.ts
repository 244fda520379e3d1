import type { ConnectionOptions } from 'node:tls'
import type { ProxySettings } from './proxy.ts'

/** The options that Node-RED's `tls-config` sets (`addTLSOptions`). */
export type TlsSettings = Pick<
  ConnectionOptions,
  'ca' | 'cert' | 'key' | 'pfx' | 'passphrase' | 'servername' | 'rejectUnauthorized'
>

/** How connections are made. */
export interface ConnectionSettings {
  tls?: TlsSettings | undefined
  /** An 'http proxy' node's settings; default: the environment variables. */
  proxy?: ProxySettings | undefined
  /** Limit for lookup, connect, proxy and TLS handshake together, in milliseconds. */
  connectTimeoutMs: number
}
