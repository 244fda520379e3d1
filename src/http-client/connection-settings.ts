import type { ConnectionOptions } from 'node:tls'
import type { ProxySettings } from './proxy.ts'

/** The options that Node-RED's `tls-config` sets (`addTLSOptions`). */
export type TlsSettings = Pick<
  ConnectionOptions,
  'ca' | 'cert' | 'key' | 'pfx' | 'passphrase' | 'servername' | 'rejectUnauthorized'
>

/** The files from which some of these options were read. */
export type TlsFiles = Readonly<Partial<Record<'ca' | 'cert' | 'key' | 'pfx', string>>>

/** How connections are made. */
export interface ConnectionSettings {
  tls?: TlsSettings | undefined
  tlsFiles?: TlsFiles | undefined
  /** An 'http proxy' node's settings; default: the environment variables. */
  proxy?: ProxySettings | undefined
  /** Limit for lookup, connect, proxy and TLS handshake together, in milliseconds. */
  connectTimeoutMs: number
}
