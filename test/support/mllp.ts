import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { PYTHON } from './debian-packages.ts'
import { freePort } from './free-port.ts'
import type { FlowNode } from './node-red.ts'

export const MLLP_SEND = '/usr/bin/mllp_send'
/** The example with MLLP. */
export const MLLP_FILE = join(
  ...[import.meta.dirname, '..', '..', 'examples', '02 Take MLLP and send over HTTPS.json']
)
/** Ends a frame. */
const END = '\x1c\r'
/** The topics of the example's ports: when the sender gets its acknowledgement. */
export type MllpPort = 'stored' | 'answered'

/** The example, on free ports and for a receiver that requires no token. */
export interface MllpFlow {
  nodes: FlowNode[]
  ports: Record<MllpPort, number>
  /** Node IDs by name. */
  ids: Record<string, string>
}

/**
 * Fills in the example, and replaces its debug nodes by probes.
 *
 * @param ca the receiver's CA certificate, in PEM format
 * @param out properties of the hl7-https-out node for each port
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
      case 'tcp request':
        return { ...node, port: String(ports.stored) }
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

/** What mllp_clients.py reports for a message. */
export interface Acknowledged {
  id: string
  ackId: string
  attempts: number
  refused: string[]
}

/** The running clients of mllp_clients.py. */
export interface MllpClients {
  acknowledged: Acknowledged[]
  /** Frames that do not acknowledge the message in flight. */
  wrong: unknown[]
  /** Resolves when every message has been acknowledged. */
  ended: Promise<void>
  /** Ends the clients if they still run. */
  stop(): void
}

/** Starts clients of python-hl7. Each sends one message at a time, until it is accepted. */
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

/** A connection to which a test can write any bytes. */
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

  /** The complete frames received so far, without their ends; one character per byte. */
  get frames(): string[] {
    return this.#received.toString('latin1').split(END).slice(0, -1)
  }

  /** Waits for a total number of frames. */
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

/** Frames a message. */
export function framed(message: string | Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x0b]), Buffer.from(message), Buffer.from([0x1c, 0x0d])])
}
