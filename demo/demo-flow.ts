import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FlowNode } from './node-red.ts'

export interface DemoConnection {
  clientId: string
  clientSecret: string
  scope: string
  /** The CA certificate of both servers, in PEM format. */
  ca: string
}

/**
 * The example flow from Node-RED's Import menu, with everything that its reader is told to fill in:
 * credentials, scope and a `tls-config` with the demo's CA certificate. Issuer and URL remain
 * `${HL7_ISSUER}` and `${HL7_URL}`: they come from Node-RED's environment.
 *
 * @param root the directory of the package
 */
export function demoFlow(root: string, connection: DemoConnection): FlowNode[] {
  const file = join(root, 'examples', '1 Send HL7 and route ACK and NAK.json')
  const flow = JSON.parse(readFileSync(file, 'utf8')) as FlowNode[]
  const tls: FlowNode = {
    id: 'a1d7c0de0000f000',
    type: 'tls-config',
    name: 'demo certificate authority',
    certType: 'files',
    cert: '',
    key: '',
    ca: '',
    certname: '',
    keyname: '',
    caname: 'demo-ca.pem',
    servername: '',
    verifyservercert: true,
    alpnprotocol: '',
    credentials: { cadata: connection.ca }
  }
  const filledIn = flow.map((node) => {
    if (node.type === 'hl7-https-out') return { ...node, tls: tls.id }
    if (node.type !== 'oauth2-client-credentials') return node
    const { clientId, clientSecret, scope } = connection
    return { ...node, tls: tls.id, scope, credentials: { clientId, clientSecret } }
  })
  return [...filledIn, tls]
}
