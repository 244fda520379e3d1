import type { Node, NodeAPI } from 'node-red'
import { english } from '../../src/english.ts'
import type { ProxySettings } from '../../src/http-client/proxy.ts'
import type { TlsFiles, TlsSettings } from '../../src/http-client/connection-settings.ts'
import { tlsProblem } from '../../src/http-client/tls-problem.ts'
import { nodeVersionProblem } from '../../src/node-version.ts'
import { isUnset, type Properties } from './properties.ts'
import type { Property } from './property-table.ts'
import { secretOf } from './secret-value.ts'
import { tlsFilesOf, type TlsConfigNode } from './tls-config.ts'

type ConnectionProperties = Record<'tls' | 'proxy', Property>

/** The part of Node-RED's own 'http proxy' node that we use. */
interface ProxyNode {
  url?: string
  noproxy?: string[] | string
  credentials?: { username?: string; password?: string }
}

/** How the settings of a node find the config nodes that they name by id; null: there is none. */
export type FindConfigNode = (id: string) => Node | null

/** Those that are deployed. */
export function deployedConfigNodes(RED: NodeAPI): FindConfigNode {
  return (id) => RED.nodes.getNode(id)
}

/** How connections of a node are made. */
export interface ConnectionSettings {
  tls: TlsSettings | undefined
  /** From which certificates were read. */
  tlsFiles: TlsFiles
  proxy: ProxySettings | undefined
}

/** Reads the `tls` and `proxy` properties; what cannot be used is a problem of the node. */
export function readConnection(
  RED: NodeAPI,
  properties: Pick<Properties<ConnectionProperties>, 'problems' | 'text' | 'addProblem'>,
  find: FindConfigNode
): ConnectionSettings {
  const tlsId = properties.text('tls')
  const proxyId = properties.text('proxy')
  let tls: TlsSettings | undefined
  let tlsFiles: TlsFiles = {}
  let proxy: ProxySettings | undefined
  const tooOld = nodeVersionProblem()
  if (tooOld !== undefined) properties.problems.push(tooOld)
  // An unset variable has already been reported.
  if (tlsId !== '' && !isUnset(tlsId)) {
    const found = find(tlsId)
    const node = found as unknown as Partial<TlsConfigNode> | null
    if (node === null) {
      properties.addProblem('tls', english('log', 'problem.missingNode'))
    } else if (node.addTLSOptions === undefined) {
      properties.addProblem('tls', english('log', 'problem.otherType'))
    } else if (node.valid === false) {
      properties.addProblem('tls', english('log', 'problem.tlsNode'))
    } else {
      tls = node.addTLSOptions({})
      const problem = tlsProblem(tls)
      if (problem !== undefined) properties.addProblem('tls', problem)
      tlsFiles = tlsFilesOf(RED, found as Node)
    }
  }
  if (proxyId !== '' && !isUnset(proxyId)) {
    const node = find(proxyId) as unknown as ProxyNode | null
    if (node === null) {
      properties.addProblem('proxy', english('log', 'problem.missingNode'))
    } else if (node.url === undefined || !isHttpUrl(node.url)) {
      properties.addProblem('proxy', english('log', 'problem.proxyUrl'))
    } else {
      const { noproxy, credentials } = node
      const password = secretOf(RED, credentials?.password ?? '', (sentence) => {
        properties.addProblem('proxy', sentence)
      })
      proxy = {
        url: node.url,
        noProxy: typeof noproxy === 'string' ? noproxy.split(',') : (noproxy ?? []),
        ...(credentials?.username ? { username: credentials.username } : {}),
        ...(password === '' ? {} : { password })
      }
    }
  }
  return { tls, tlsFiles, proxy }
}

/** Whether TLS settings present a client certificate. */
export function hasClientCertificate(tls: TlsSettings | undefined): boolean {
  return (
    tls !== undefined &&
    (tls.pfx !== undefined || (tls.cert !== undefined && tls.key !== undefined))
  )
}

/** `localhost:3128` is also a URL, with the scheme `localhost:`. */
function isHttpUrl(text: string): boolean {
  return /^https?:$/.test(URL.parse(text)?.protocol ?? '')
}
