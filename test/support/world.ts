import {
  startAuthorizationServer,
  type AuthorizationServer
} from '../../demo/authorization-server.ts'
import { startHl7Receiver, type Hl7Receiver } from '../../demo/hl7-receiver.ts'
import { testAuthority, type Authority } from './certificates.ts'
import { startNodeRed, type FlowNode, type TestNodeRed } from './node-red.ts'

const AUDIENCE = 'https://hl7.test'
export const CLIENT_ID = 'test-client'
export const CLIENT_SECRET = 'a secret that must not be seen'

/** A token server, a receiver, and a Node-RED with a flow between them: all real, all local. */
export interface World {
  authority: Authority
  tokens: AuthorizationServer
  receiver: Hl7Receiver
  nodeRed: TestNodeRed
  /**
   * Deploys the usual flow: inject `in`, the node `out`, and the probes `ack`, `nak`, `caught` and
   * `done` (behind a Complete node).
   *
   * @param out properties of the hl7-https-out node
   * @param auth properties of its config node
   */
  deploy(out?: Record<string, unknown>, auth?: Record<string, unknown>): Promise<void>
  /** The flow that `deploy` deploys. */
  flow(out?: Record<string, unknown>, auth?: Record<string, unknown>): FlowNode[]
  close(): Promise<void>
}

/**
 * Starts a world; its Node-RED needs the build. Without options for it, it is the shared one (see
 * node-red.ts).
 *
 * @param options.settings added to Node-RED's settings
 * @param options.env added to Node-RED's environment
 * @param options.userDir a user directory in which the package is already installed; by default it
 *   is linked into a new one
 */
export async function startWorld({
  tokenLifetime,
  ...options
}: {
  tokenLifetime?: number
  settings?: Record<string, unknown>
  env?: Record<string, string>
  userDir?: string
} = {}): Promise<World> {
  const authority = await testAuthority()
  const tls = await authority.issueServer()
  const tokens = await startAuthorizationServer({
    tls,
    clientId: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    audience: AUDIENCE,
    scope: 'hl7:write',
    ...(tokenLifetime !== undefined && { tokenLifetime })
  })
  const receiver = await startHl7Receiver({
    tls,
    token: { issuer: tokens.issuer, audience: AUDIENCE, ca: authority.ca }
  })
  const nodeRed = await startNodeRed(options)
  const flow: World['flow'] = (out = {}, auth = {}) => [
    { id: 'tab', type: 'tab', label: 'test' },
    {
      id: 'tls',
      type: 'tls-config',
      certType: 'files',
      // As the editor saves it; Node-RED 4.1 needs the empty values.
      cert: '',
      key: '',
      ca: '',
      credentials: { cadata: authority.ca },
      verifyservercert: true
    },
    {
      id: 'auth',
      type: 'oauth2-client-credentials',
      issuer: tokens.issuer,
      scope: 'hl7:write',
      tls: 'tls',
      credentials: { clientId: CLIENT_ID, clientSecret: CLIENT_SECRET },
      ...auth
    },
    { id: 'in', type: 'inject', z: 'tab', props: [{ p: 'payload' }], wires: [['out']] },
    {
      id: 'out',
      type: 'hl7-https-out',
      z: 'tab',
      url: receiver.url,
      auth: 'auth',
      tls: 'tls',
      queue: 'memory',
      wires: [['ack'], ['nak']],
      ...out
    },
    { id: 'ack', type: 'probe', z: 'tab', wires: [] },
    { id: 'nak', type: 'probe', z: 'tab', wires: [] },
    { id: 'catch', type: 'catch', z: 'tab', scope: ['out'], wires: [['caught']] },
    { id: 'caught', type: 'probe', z: 'tab', wires: [] },
    { id: 'complete', type: 'complete', z: 'tab', scope: ['out'], wires: [['done']] },
    { id: 'done', type: 'probe', z: 'tab', wires: [] }
  ]
  return {
    authority,
    tokens,
    receiver,
    nodeRed,
    flow,
    deploy: (out, auth) => nodeRed.deploy(flow(out, auth)),
    async close() {
      await nodeRed.close()
      await receiver.close()
      await tokens.close()
    }
  }
}

/** A message about a fictitious patient; its content decides what the receiver answers. */
export function adt(controlId: string, { version = '2.5.1', birth = '19840217' } = {}): string {
  return [
    `MSH|^~\\&|WARDSYS|NORTHSIDE|REGISTRY|CITYCARE|20260102030405||ADT^A01^ADT_A01|${controlId}|P|${version}`,
    'EVN|A01|20260102030405',
    `PID|1||NS471100^^^NORTHSIDE^MR||Lindqvist^Astrid^Maria||${birth}|F`,
    'PV1|1|I|3W^312^2^NORTHSIDE'
  ].join('\r')
}
