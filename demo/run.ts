/**
 * `npm start` runs Node-RED with this package and its example flow, an authorization server and an
 * HL7 receiver, all on 127.0.0.1 and free ports, until Ctrl-C.
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startAuthorizationServer } from './authorization-server.ts'
import { buildIfNeeded } from './build-if-needed.ts'
import { createAuthority } from './certificates.ts'
import { demoFlow } from './demo-flow.ts'
import { startHl7Receiver } from './hl7-receiver.ts'
import { deployFlows, startNodeRed } from './node-red.ts'
import { Trouble } from './trouble.ts'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** What to do at the end, in reverse order. */
const cleanups: (() => unknown)[] = []
let stopping: Promise<void> | undefined
const isStopping = () => stopping !== undefined

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (!isStopping()) console.log('Stopping …')
    void stop(0)
  })
}
// Whoever read the output has gone, as in `npm start | head`.
process.stdout.on('error', () => void stop(1))
if (process.env['npm_lifecycle_event'] === 'start') stopWithShell(process.ppid)
start().catch((error: unknown) => {
  if (isStopping()) return
  console.error(`\nThe demo did not start. ${error instanceof Error ? error.message : ''}`)
  void stop(1)
})

async function start(): Promise<void> {
  buildIfNeeded(root)
  console.log('Starting …')

  const authority = await createAuthority()
  const audience = 'urn:example:hl7-receiver'
  const scope = 'hl7'
  const clientId = 'node-red'
  const clientSecret = randomBytes(24).toString('base64url')

  const authorizationServer = await startAuthorizationServer({
    tls: await authority.issueServer(),
    clientId,
    clientSecret,
    audience,
    scope
  })
  cleanups.push(() => authorizationServer.close())
  const { issuer } = authorizationServer

  const receiver = await startHl7Receiver({
    tls: await authority.issueServer(),
    token: { issuer, audience, ca: authority.ca },
    record: false
  })
  cleanups.push(() => receiver.close())
  const alertUrl = new URL('/alerts', receiver.url)
  receiver.respond = ({ url, body }) => {
    if (url !== alertUrl.pathname) return undefined
    console.log(`\nAn alert: ${body.toString()}\n`)
    return { status: 204 }
  }
  const trouble = new Trouble(receiver, (line) => {
    console.log(`\n${line}\n`)
  })
  cleanups.push(() => {
    trouble.close()
  })
  if (isStopping()) return

  const userDir = mkdtempSync(join(tmpdir(), 'hl7-https-demo-'))
  cleanups.push(() => {
    rmSync(userDir, { recursive: true, force: true })
  })
  // Its log follows what this program has to say.
  let isReady = false
  const starting = startNodeRed({
    userDir,
    env: {
      HL7_ALERT_URL: alertUrl.href,
      HL7_ISSUER: issuer,
      HL7_TOKEN_ENDPOINT: `${issuer}/token`,
      HL7_URL: receiver.url
    },
    trustedCa: authority.ca,
    onMessage: (message) => {
      trouble.take(message)
    },
    onLine: (line) => {
      if (isReady) console.log(line)
    }
  })
  cleanups.push(async () => {
    const [started] = await Promise.allSettled([starting])
    if (started.status === 'fulfilled') await started.value.stop()
  })
  const nodeRed = await starting
  await deployFlows(
    nodeRed.url,
    demoFlow(root, { clientId, clientSecret, scope, nodeRedUrl: nodeRed.url })
  )

  console.log(`
The demo is ready. It runs entirely on this machine.

  Editor                ${nodeRed.url}/
  HL7 page              ${nodeRed.url}/hl7-https-out/page
  HL7 receiver          ${receiver.url}
  Token server          ${issuer}

Open the editor in a browser. Press the buttons to the left of the three inject nodes at the top:

  ADT^A01 (accepted)    the receiver accepts it:           AA leaves on ACK
  AE: born in 2099      the patient is not born yet:       AE leaves on NAK
  AR: HL7 version 2.1   an unsupported version:            AR leaves on NAK

The debug sidebar (the bug icon) shows each acknowledgement.

To see what happens in trouble, open the HL7 page beside the editor, which is also the tab HL7
(the heart icon) in its sidebar, and press, further down in the flow:

  the receiver is away    then "12 patients": they wait, and leave in order when it is back
  its records are locked  then "12 patients": they are suspended, until you resend them there

To build a flow yourself, open a new tab (the + above the flow), drag "hl7 https out" onto it from the
palette, double-click it, and fill in:

  URL            ${receiver.url}
  OAuth 2.0      the + next to it, then:
    Token server   ${issuer}
    Client ID      ${clientId}
    Client secret  ${clientSecret} (generated for this run)
    Scope          ${scope}

Press "Add test nodes" in its form, then Done, Deploy, and the button of the new inject node.

The examples (Import in the menu) run here too. Node-RED does not open what it imported: click the new
tab. Then change, in the form of each node that sends:

  1, 2, 5, 8, 9, 11, 13   OAuth 2.0: demo (8 then sends without its key and certificate)
  6                       OAuth 2.0: demo; URL: \${HL7_URL}
  7, 10                   secret 1, in the tab Message: any password
  12                      nothing

What 9 sends is printed here. 3 and 4 need a RabbitMQ of yours.

Your changes in the editor are lost when the demo stops. Press Ctrl-C to stop it.

Node-RED's log:
`)
  isReady = true

  await nodeRed.exited
  if (isStopping()) return
  console.error('\nNode-RED has stopped.')
  await stop(1)
}

/** A signal to npm ends only npm and its shell: this process must notice that the shell is gone. */
function stopWithShell(shell: number): void {
  setInterval(() => {
    if (process.ppid !== shell) void stop(0)
  }, 500).unref()
}

/** Cleans up and ends the process. Further calls have no effect. */
function stop(exitCode: number): Promise<void> {
  stopping ??= (async () => {
    for (const cleanup of cleanups.reverse()) await cleanup()
    process.exit(exitCode)
  })()
  return stopping
}
