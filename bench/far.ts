/**
 * What a message takes where the receiver is far away: over a kept connection, with a resumed TLS session, and with a full
 * handshake. Runs in two network namespaces with a delay between them, which it makes itself. Needs root, iproute2 and
 * Python:
 *
 *   node bench/far.ts [DELAY]     each way, in milliseconds; 40 if nothing is said
 */
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { TLSSocket, type TlsOptions } from 'node:tls'
import { createAuthority } from '../demo/certificates.ts'
import { UndiciClient } from '../src/http-client/undici-client.ts'

const RECEIVERS = {
  'TLSv1.3': new URL('https://10.77.0.2:8443/hl7'),
  'TLSv1.2': new URL('https://10.77.0.2:8442/hl7')
}
const NAME = 'receiver.example'
const MESSAGE = Buffer.from('MSH|^~\\&|A|B|C|D|2026||ADT^A01|HC0001|P|2.5.1\r')
/** Longer than the 4 s for which undici keeps a connection by itself. In milliseconds. */
const SLOW_MS = 5000
const TIMES = 10

const [role = '40', directory = ''] = process.argv.slice(2)
if (role === 'receiver') await receive(await read('server.json'))
else if (role === 'sender') await send(await read('client.json'))
else await start(Number(role))

async function read(file: string): Promise<TlsOptions> {
  return JSON.parse(await readFile(join(directory, file), 'utf8')) as TlsOptions
}

/** In both namespaces. */
async function start(delayMs: number): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'hl7-far-'))
  try {
    const authority = await createAuthority()
    const certificate = await authority.issueServer({ names: [NAME] })
    await writeFile(join(directory, 'server.json'), JSON.stringify(certificate), { mode: 0o600 })
    const trust = JSON.stringify({ ca: authority.ca, servername: NAME })
    await writeFile(join(directory, 'client.json'), trust)
    const command = (role: string): string =>
      `${process.execPath} ${import.meta.filename} ${role} ${directory}`
    const python = [join(import.meta.dirname, 'delay.py'), String(delayMs)]
    const namespaces = spawn('python3', [...python, command('sender'), command('receiver')], {
      stdio: 'inherit'
    })
    const code = await new Promise((resolve) => namespaces.once('close', resolve))
    process.exitCode = Number(code)
  } finally {
    await rm(directory, { recursive: true })
  }
}

async function receive(tls: TlsOptions): Promise<void> {
  for (const [version, { port, hostname }] of Object.entries(RECEIVERS)) {
    const maxVersion = version as keyof typeof RECEIVERS
    // It keeps connections for longer than anybody else does, and does not say for how long.
    const server = createServer(
      { ...tls, maxVersion, keepAliveTimeout: 0 },
      (request, response) => {
        const { socket } = request
        const isResumed = socket instanceof TLSSocket && socket.isSessionReused()
        request.resume().once('end', () => response.end(isResumed ? 'resumed' : 'full'))
      }
    )
    // Nobody else is in this network.
    await new Promise<void>((resolve) => server.listen(Number(port), hostname, resolve))
  }
}

/** @returns what the receiver says of the handshake */
async function post(
  client: UndiciClient,
  url: URL,
  headers: Record<string, string> = {}
): Promise<string> {
  const request = { method: 'POST', url, headers, body: MESSAGE, responseTimeoutMs: 5000 } as const
  return (await client.request(request)).body.toString()
}

async function send(tls: TlsOptions & { servername?: string }): Promise<void> {
  const start = (): UndiciClient =>
    new UndiciClient({ tls, maxConnections: 2, connectTimeoutMs: 5000, maxResponseBytes: 1000 })
  const kept = start()
  for (let tries = 0; ; tries++) {
    try {
      await post(kept, RECEIVERS['TLSv1.3'])
      break
    } catch (error) {
      // It takes a moment to start.
      if (tries > 50) throw error
      await sleep(100)
    }
  }
  await measure(`one message each ${SLOW_MS / 1000} s`, SLOW_MS, () =>
    post(kept, RECEIVERS['TLSv1.3'])
  )
  kept.close()
  const close = { Connection: 'close' }
  for (const [version, url] of Object.entries(RECEIVERS)) {
    const resuming = start()
    await post(resuming, url, close)
    await measure(`a new connection, ${version}, session resumed`, 50, () =>
      post(resuming, url, close)
    )
    await measure(`a new connection, ${version}`, 50, () => {
      const fresh = start()
      return post(fresh, url, close).finally(() => {
        fresh.close()
      })
    })
    resuming.close()
  }
}

async function measure(what: string, pauseMs: number, once: () => Promise<string>): Promise<void> {
  const times: number[] = []
  const said = new Set<string>()
  let cpuMs = 0
  for (let time = 0; time < TIMES; time++) {
    await sleep(pauseMs)
    const cpu = process.cpuUsage()
    const from = performance.now()
    said.add(await once())
    times.push(performance.now() - from)
    const { user, system } = process.cpuUsage(cpu)
    cpuMs += (user + system) / 1000 / TIMES
  }
  const median = times.sort((one, other) => one - other)[TIMES / 2] ?? 0
  const figures = `${median.toFixed(0).padStart(5)} ms ${cpuMs.toFixed(1).padStart(6)} ms CPU`
  console.log(`${what.padEnd(45)} ${figures}   handshake: ${[...said].join()}`)
}
