import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FlowNode } from './node-red.ts'

export interface DemoConnection {
  clientId: string
  clientSecret: string
  scope: string
  /** Where Node-RED is, for an example that sends to itself. */
  nodeRedUrl: string
}

/** The ID of each button that the demo adds to the example. */
export const demoButtons = {
  twelve: 'a1d7c0de0000f010',
  away: 'a1d7c0de0000f012',
  locked: 'a1d7c0de0000f013'
}

/**
 * The example flow from Node-RED's Import menu, with the credentials and the scope that its reader is
 * told to fill in. Issuer and URL remain `${HL7_ISSUER}` and `${HL7_URL}`: they come from Node-RED's
 * environment. Node-RED trusts the certificate authority of both servers. Below it are buttons that
 * make trouble (see trouble.ts); waits are shorter than usual, so that it can be watched.
 *
 * @param root the directory of the package
 */
export function demoFlow(root: string, connection: DemoConnection): FlowNode[] {
  const file = join(root, 'examples', '01 Send HL7 and route ACK and NAK.json')
  const text = readFileSync(file, 'utf8')
  // With IDs of its own, so that the example can be imported beside it.
  const flow = JSON.parse(text.replaceAll('"a1d7c0de0000', '"a1d7c0dedef0')) as FlowNode[]
  const filledIn = flow.map((node) => {
    switch (node.type) {
      case 'tab':
        return { ...node, label: 'Demo' }
      case 'comment':
        return { ...node, x: 320, y: 93, name: label(toWatch), info: '' }
      case 'hl7-https-out':
        return {
          ...node,
          // Suspends what meets a locked record; the rest is the default.
          replyCodeActions: '@ERR-3:206=S,:I?=W,:?A=C,:?E=F,:?R=F',
          retryInterval: 2,
          retryMaxInterval: 5
        }
      case 'oauth2-client-credentials': {
        const { clientId, clientSecret, scope } = connection
        return { ...node, name: 'demo', scope, credentials: { clientId, clientSecret } }
      }
      default:
        return node
    }
  })
  const out = flow.find(({ type }) => type === 'hl7-https-out')
  return [
    ...filledIn,
    ...troubleNodes(String(out?.['z']), String(out?.id)),
    globalVariable('PORT', new URL(connection.nodeRedUrl).port)
  ]
}

function globalVariable(name: string, value: string): FlowNode {
  const env = [{ name, value, type: 'str' }]
  return { id: 'a1d7c0de0000f016', type: 'global-config', env, modules: {} }
}

const toWatch = [
  'A demo: everything is filled in, and nothing leaves this machine',
  '1. Press the three buttons below: one ACK, two NAKs.',
  '    The debug sidebar (the bug) shows the acknowledgements.',
  '2. Open the tab HL7 (the heart); a click on the bug makes room for it.',
  '    Then press the buttons at the bottom.'
]

const inTrouble = [
  'When something goes wrong',
  'Receiver away: then press "12 patients". They wait, and leave in order when it is back.',
  'Records locked: then press "12 patients". They are suspended; resend them in the HL7 page.'
]

function troubleNodes(z: string, out: string): FlowNode[] {
  const button = (id: string, name: string, at: [number, number], payload: string, to: string) => ({
    id,
    type: 'inject',
    z,
    name,
    props: [
      { p: 'payload', v: payload, vt: 'str' },
      { p: 'seconds', v: '30', vt: 'num' },
      { p: 'time', v: `$now('[Y0001][M01][D01][H01][m01][s01][Z0001]')`, vt: 'jsonata' }
    ],
    repeat: '',
    crontab: '',
    once: false,
    onceDelay: 0.1,
    topic: '',
    x: at[0],
    y: at[1],
    wires: [[to]]
  })
  const [patients, tell] = ['a1d7c0de0000f011', 'a1d7c0de0000f014']
  const { twelve, away, locked } = demoButtons
  return [
    {
      id: 'a1d7c0de0000f015',
      type: 'comment',
      z,
      name: label(inTrouble),
      info: '',
      x: 370,
      y: 520,
      wires: []
    },
    button(away, 'the receiver is away for 30 seconds', [190, 600], 'away', tell),
    button(locked, 'its records are locked for 30 seconds', [190, 660], 'locked', tell),
    {
      id: tell,
      type: 'function',
      z,
      name: 'tell the receiver',
      func: tellTheReceiver,
      outputs: 0,
      libs: [{ var: 'process', module: 'process' }],
      x: 520,
      y: 630,
      wires: []
    },
    button(twelve, '12 patients', [110, 440], '', patients),
    {
      id: patients,
      type: 'function',
      z,
      name: '12 messages',
      func: twelveMessages,
      outputs: 1,
      x: 330,
      y: 440,
      wires: [[out]]
    }
  ]
}

/** The code of function nodes. */
const tellTheReceiver = `// The receiver runs in the process that started this Node-RED.
process.send({ trouble: msg.payload, seconds: msg.seconds })
node.status({ fill: 'yellow', shape: 'ring', text: msg.payload })
clearTimeout(context.get('timer'))
context.set('timer', setTimeout(() => node.status({}), msg.seconds * 1000))
`

const twelveMessages = `// Each has a patient and a control ID (MSH-10) of its own.
for (let number = 1; number <= 12; number++) {
  const patient = 471200 + number
  const segments = [
    'MSH|^~\\\\&|WARDSYS|NORTHSIDE|REGISTRY|CITYCARE|' + msg.time + '||ADT^A04^ADT_A01|' + msg._msgid + '-' + number + '|P|2.5.1',
    'EVN|A04|' + msg.time,
    'PID|1||' + patient + '^^^NORTHSIDE^MR||Example^Patient ' + number + '||19700101|F',
    'PV1|1|O'
  ]
  node.send({ payload: segments.join('\\r') })
}
`

/** Node-RED breaks a label at this sign. */
function label(lines: string[]): string {
  return lines.join('\\n ')
}
