import { readFileSync } from 'node:fs'
import type { Node, NodeAPI } from 'node-red'
import type { TlsFiles, TlsSettings } from '../../src/http-client/connection-settings.ts'
import { environmentValue } from './environment-value.ts'
import { withVariables, writtenOf, type Credentials } from './node-source.ts'

/** The part of Node-RED's own `tls-config` node that we use. */
export interface TlsConfigNode {
  valid?: boolean
  addTLSOptions(options: TlsSettings): TlsSettings
}

/**
 * What a `tls-config` with these properties would be once it is deployed. It is written again here
 * because Node-RED's own cannot be used: Node-RED makes a node from a deployed flow only, and gives the
 * class of a type to no other node. A test compares the two (`test/forms/client-certificate.test.ts`).
 *
 * @param node the deployed one, whose variables count; null if there is none
 */
export function tlsConfigOf(
  RED: NodeAPI,
  node: Node | null,
  config: object,
  credentials: Credentials
): TlsConfigNode {
  try {
    const options = tlsOptions(RED, node, config, credentials)
    return { valid: true, addTLSOptions: (more) => ({ ...more, ...options }) }
  } catch {
    // A certificate without its key, or a file that cannot be read.
    return { valid: false, addTLSOptions: (more) => more }
  }
}

/** The files that a deployed `tls-config` has read: it does not keep their names. None of one that stands in for it. */
export function tlsFilesOf(RED: NodeAPI, node: Node): TlsFiles {
  const config = withVariables(RED, node, writtenOf(RED, node)) as object
  const type = textIn(config, 'certType') || 'files'
  const names = { files: ['ca', 'cert', 'key'], pfx: ['p12'] }[type] ?? []
  return Object.fromEntries(
    names.flatMap((name) => {
      const path = textIn(config, name)
      return path === '' ? [] : [[name === 'p12' ? 'pfx' : name, path]]
    })
  )
}

function tlsOptions(
  RED: NodeAPI,
  node: Node | null,
  config: object,
  credentials: Credentials
): TlsSettings {
  const text = (name: string): string => textIn(config, name)
  const servername = text('servername')
  const alpn = text('alpnprotocol')
  const passphrase = textIn(credentials, 'passphrase')
  return {
    ...certificates(RED, node, text, (name) => textIn(credentials, name)),
    ...(passphrase !== '' && { passphrase }),
    ...(servername !== '' && { servername }),
    ...(alpn !== '' && { ALPNProtocols: [alpn] }),
    // Nothing else switches it off: a flow that was written by hand may not say it.
    rejectUnauthorized: (config as { verifyservercert?: unknown }).verifyservercert !== false
  }
}

/** @throws if a file cannot be read, or one of certificate and key is missing */
function certificates(
  RED: NodeAPI,
  node: Node | null,
  text: (name: string) => string,
  uploaded: (name: string) => string
): TlsSettings {
  const type = text('certType') || 'files'
  const file = (name: string): Buffer | undefined =>
    text(name) === '' ? undefined : readFileSync(text(name))
  const variable = (name: string): Buffer | undefined =>
    text(name) === '' ? undefined : Buffer.from(environmentValue(RED, node, text(name)) ?? '')
  if (type === 'env') {
    return filled({ cert: variable('certEnv'), key: variable('keyEnv'), ca: variable('caEnv') })
  }
  if (type === 'pfx') {
    const data = uploaded('p12data')
    const pfx = file('p12') ?? (data === '' ? undefined : Buffer.from(data, 'base64'))
    return filled({ pfx })
  }
  const hasFiles = ['cert', 'key', 'ca'].some((name) => text(name) !== '')
  const read = (name: string): Buffer | string | undefined =>
    hasFiles ? file(name) : uploaded(`${name}data`) || undefined
  const [cert, key, ca] = ['cert', 'key', 'ca'].map(read)
  if ((cert === undefined) !== (key === undefined)) throw new Error('One of the two is missing')
  return filled({ cert, key, ca })
}

function textIn(values: object, name: string): string {
  const value = (values as Record<string, unknown>)[name]
  return typeof value === 'string' ? value.trim() : ''
}

function filled(values: Record<string, Buffer | string | undefined>): TlsSettings {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
}
