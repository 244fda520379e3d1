import type { FlowNode } from '../demo/node-red.ts'
import { CLIENT, SCOPE, type Servers } from './servers.ts'

/** Messages in flight at a time, where nothing else is said. */
export const WIDTH = 8

export const TAB: FlowNode = { id: 'tab', type: 'tab', label: 'bench' }

/** The nodes that all flows of the bench share. */
export function shared({ ca, issuer }: Servers): FlowNode[] {
  return [
    TAB,
    {
      id: 'tls',
      type: 'tls-config',
      certType: 'files',
      cert: '',
      key: '',
      ca: '',
      verifyservercert: true,
      credentials: { cadata: ca }
    },
    {
      id: 'auth',
      type: 'oauth2-client-credentials',
      issuer,
      scope: SCOPE,
      tls: 'tls',
      credentials: CLIENT
    }
  ]
}

/** This package; its node `name out` gets its messages from the loop `name`. */
export function ours(
  name: string,
  { url }: Servers,
  properties: Record<string, unknown> = {}
): FlowNode[] {
  return [
    { ...loop(name), wires: [[`${name} out`]] },
    {
      id: `${name} out`,
      type: 'hl7-https-out',
      z: 'tab',
      url,
      auth: 'auth',
      tls: 'tls',
      order: 'none',
      maxInFlight: WIDTH,
      queueLimit: 10_000_000,
      wires: [[name], [name]],
      ...properties
    },
    { id: `${name} catch`, type: 'catch', z: 'tab', scope: [`${name} out`], wires: [[name]] }
  ]
}

export function loop(name: string, properties: Record<string, unknown> = {}): FlowNode {
  return { id: name, type: 'bench-loop', z: 'tab', ...properties }
}

/** A node that only calls got, or node:https. Its agent opens so many connections at most. */
export function bareNode(
  name: string,
  type: 'bench-got' | 'bench-https',
  { url, ca }: Servers,
  token: string,
  maxSockets: number
): FlowNode[] {
  return [
    { ...loop(name), wires: [[`${name} node`]] },
    { id: `${name} node`, type, z: 'tab', url, ca, token, wires: [[name]], maxSockets },
    { id: `${name} catch`, type: 'catch', z: 'tab', scope: [`${name} node`], wires: [[name]] }
  ]
}

/**
 * What a user would build: a function that prepares the request, an http request node (with "keep
 * alive" on, which is not the default) and a function that reads the acknowledgement. The token is
 * fixed: a separate flow would fetch it.
 */
export function userFlow(name: string, { url }: Servers, token: string): FlowNode[] {
  return [
    { ...loop(name), wires: [[`${name} before`]] },
    functionNode(
      `${name} before`,
      `if (typeof msg.payload !== 'string' || !msg.payload.startsWith('MSH')) {
  node.error('not an HL7 message', msg)
  return null
}
msg.request = msg.payload
msg.headers = {
  Authorization: 'Bearer ' + flow.get('token'),
  'Content-Type': 'application/hl7-v2; charset=utf-8'
}
return msg`,
      `${name} request`,
      `flow.set('token', ${JSON.stringify(token)})`
    ),
    ...requestAndAfter(name, url)
  ]
}

function requestAndAfter(name: string, url: string): FlowNode[] {
  return [
    {
      id: `${name} request`,
      type: 'http request',
      z: 'tab',
      method: 'POST',
      ret: 'txt',
      url,
      tls: 'tls',
      persist: true,
      senderr: false,
      headers: [],
      wires: [[`${name} after`]]
    },
    functionNode(
      `${name} after`,
      `const msa = msg.payload.split('\\r').find((segment) => segment.startsWith('MSA|'))
if (msg.statusCode !== 200 || msa === undefined) {
  node.error('no acknowledgement', msg)
  return null
}
const [, code, controlId] = msa.split('|')
msg.ack = { code, controlId }
return code === 'AA' || code === 'CA' ? [msg, null] : [null, msg]`,
      name
    ),
    { id: `${name} catch`, type: 'catch', z: 'tab', scope: [`${name} after`], wires: [[name]] }
  ]
}

function functionNode(id: string, func: string, next: string, initialize = ''): FlowNode {
  return {
    id,
    type: 'function',
    z: 'tab',
    func,
    initialize,
    finalize: '',
    libs: [],
    outputs: 2,
    noerr: 0,
    wires: [[next], [next]]
  }
}
