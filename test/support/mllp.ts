import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { missingPackages } from './debian-packages.ts'
import { freePort } from './free-port.ts'
import type { FlowNode } from './node-red.ts'

/** Debian's own Python: another one does not see Debian's python3-hl7. */
const PYTHON = '/usr/bin/python3'
export const MLLP_SEND = '/usr/bin/mllp_send'
/** The example. */
export const MLLP_FILE = join(
  ...[import.meta.dirname, '..', '..', 'examples', '2 Take MLLP and send over HTTPS.json']
)
/** Ends a frame. */
const END = '\x1c\r'
/** The topics of the ports of the example: what the sender is told. */
export type MllpPort = 'stored' | 'answered'

/**
 * Sees to it that python-hl7 is there: from Debian's package, installed where we may.
 *
 * @returns why it cannot be had, or `undefined`
 */
export function missingPythonHl7(): string | undefined {
  return missingPackages(
    ['python3-hl7'],
    () => spawnSync(PYTHON, ['-c', 'import hl7.client']).status === 0
  )
}

/** The example as it is imported, on free ports and for a receiver that wants no token. */
export interface MllpFlow {
  nodes: FlowNode[]
  ports: Record<MllpPort, number>
  /** IDs by the name on the canvas. */
  ids: Record<string, string>
}

/**
 * Fills in the example; its debug nodes are probes.
 *
 * @param ca PEM of the receiver's authority
 * @param out properties of the node behind each port
 */
export async function mllpFlow(
  url: string,
  ca: string,
  out: Partial<Record<MllpPort, Record<string, unknown>>> = {}
): Promise<MllpFlow> {
  const flow = JSON.parse(readFileSync(MLLP_FILE, 'utf8')) as FlowNode[]
  const ports = { stored: await freePort(), answered: await freePort() }
  const tls: FlowNode = {
    ...{ id: 'tls', type: 'tls-config', certType: 'files', cert: '', key: '', ca: '' },
    ...{ verifyservercert: true, credentials: { cadata: ca } }
  }
  const nodes = flow.map((node): FlowNode => {
    const port: MllpPort = node['queue'] === 'disk' ? 'stored' : 'answered'
    switch (node.type) {
      case 'tcp in':
        return { ...node, port: String(ports[node['topic'] as MllpPort]) }
      case 'debug':
        return { id: node.id, type: 'probe', z: node['z'], wires: [] }
      case 'hl7-https-out':
        return { ...node, url, auth: '', tls: tls.id, retryInterval: 0.2, ...out[port] }
      default:
        return node
    }
  })
  const ids = Object.fromEntries(flow.map(({ id, ...node }) => [String(node['name']), id]))
  return { nodes: [...nodes, tls], ports, ids }
}

/** What one of python-hl7's senders reports; see mllp_clients.py. */
export interface Acknowledged {
  id: string
  ackId: string
  attempts: number
  refused: string[]
}

/** The senders of mllp_clients.py while they run. */
export interface MllpClients {
  acknowledged: Acknowledged[]
  /** Frames that are no acknowledgement of the message that was sent. */
  wrong: unknown[]
  /** Resolves when every message was acknowledged. */
  ended: Promise<void>
  /** Ends them, if they have not ended. */
  stop(): void
}

/** Starts python-hl7's senders; each has one message under way, and sends it until it is accepted. */
export function startMllpClients(
  port: number,
  connections: number,
  messages: number,
  timeoutSeconds = 10
): MllpClients {
  const script = join(import.meta.dirname, 'mllp_clients.py')
  const args = [port, connections, messages, timeoutSeconds].map(String)
  const child = spawn(PYTHON, ['-B', script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  process.once('exit', () => child.kill('SIGKILL'))
  const acknowledged: Acknowledged[] = []
  const wrong: unknown[] = []
  createInterface({ input: child.stdout }).on('line', (line) => {
    const facts = JSON.parse(line) as Acknowledged | { wrong: string }
    if ('wrong' in facts) wrong.push(facts)
    else acknowledged.push(facts)
  })
  const words: string[] = []
  child.stderr.on('data', (chunk: Buffer) => words.push(chunk.toString()))
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      if (code === 0) resolve()
      else reject(new Error(words.join('')))
    })
  })
  return { acknowledged, wrong, ended, stop: () => void child.kill('SIGKILL') }
}

/** A connection over which a test writes any bytes. */
export class MllpSocket {
  readonly #socket: Socket
  #received = Buffer.alloc(0)

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('error', () => socket.destroy())
    socket.on('data', (data: Buffer) => {
      this.#received = Buffer.concat([this.#received, data])
    })
  }

  static open(port: number): Promise<MllpSocket> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => {
        resolve(new MllpSocket(socket))
      })
      socket.once('error', reject)
    })
  }

  write(bytes: string | Buffer): Promise<void> {
    return new Promise((resolve) => {
      this.#socket.write(bytes, () => {
        resolve()
      })
    })
  }

  /** The frames that have come back whole, without their ends; each byte is a character. */
  get frames(): string[] {
    return this.#received.toString('latin1').split(END).slice(0, -1)
  }

  /** Waits for so many frames in all. */
  async answers(count: number): Promise<string[][]> {
    const deadline = performance.now() + 15_000
    while (this.frames.length < count) {
      if (performance.now() > deadline) throw new Error(`${this.frames.length} of ${count} frames`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    return this.frames.map((frame) => frame.slice(1).split('\r'))
  }

  close(): void {
    this.#socket.destroy()
  }
}

/** A message in its frame. */
export function framed(message: string | Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x0b]), Buffer.from(message), Buffer.from([0x1c, 0x0d])])
}
