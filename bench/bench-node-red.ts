import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { deployFlows, type FlowNode, type NodeRedProcess, startNodeRed } from '../demo/node-red.ts'

/** The messages that a `bench-loop` node sends. */
export interface RunSpec {
  messages: number
  /** Messages in flight at a time. */
  width: number
  /** Size of a message. */
  bytes: number
  /** Number of different patients. */
  keys?: number
  /** Long messages only. Default: a string. */
  payload?: 'string' | 'buffer'
  /** Messages that fail are no error. */
  mayFail?: boolean
  /** Where to write a CPU profile of the run. */
  profile?: string
}

/** CPU time of the threads of Node-RED: what is not one of the others is V8's own, such as garbage collection. */
export type ThreadsUs = Record<'main' | 'queue' | 'pool' | 'others', number>

export interface RunResult {
  messages: number
  /** Messages that came back without an AA. */
  failed: number
  ms: number
  /** CPU time of all of Node-RED's threads, in microseconds. */
  cpuUs: number
  /** The same by thread; on Linux only. */
  threadsUs?: ThreadsUs
  /** The longest stall of the event loop. */
  mostStallMs: number
  /** Resident memory at the end, and the most since the process started, in bytes. */
  rss: number
  mostRss: number
}

export interface Memory {
  rss: number
  mostRss: number
  /** The longest stall of the event loop between the start of the flow and its first message. */
  startStallMs: number
}

type Event =
  | { kind: 'started' }
  | { kind: 'result'; id: string; result: RunResult }
  | ({ kind: 'memory' } & Memory)
  | { kind: 'cpu'; us: number }

interface Waiting {
  suits: (event: Event) => boolean
  resolve: (event: Event) => void
}

export interface BenchNodeRedOptions {
  flows: readonly FlowNode[]
  /** Default: a new one, removed at the end. */
  userDir?: string
  /** Where the new one is made. */
  parentDir?: string
  /** The directory of another version of this package, to load instead; `false` to load none. */
  packageDir?: string | false | undefined
  env?: Record<string, string>
  /** Further settings of Node-RED. */
  settings?: Record<string, unknown>
}

/** A run fails after this time, in milliseconds. */
const LIMIT_MS = Number(process.env['BENCH_LIMIT_MS'] ?? 300_000)

const nodesDirectory = fileURLToPath(new URL('nodes', import.meta.url))

/** A real Node-RED in a separate process, with the nodes of the bench. */
export class BenchNodeRed {
  readonly #process: NodeRedProcess
  readonly #waiting: Waiting[]
  readonly #ownDirectory: string | undefined

  private constructor(
    process: NodeRedProcess,
    waiting: Waiting[],
    ownDirectory: string | undefined
  ) {
    this.#process = process
    this.#waiting = waiting
    this.#ownDirectory = ownDirectory
  }

  static async start(options: BenchNodeRedOptions): Promise<BenchNodeRed> {
    const { flows, userDir, packageDir, env = {}, settings = {} } = options
    const ownDirectory = userDir === undefined ? temporaryDirectory(options.parentDir) : undefined
    const directory = userDir ?? ownDirectory ?? ''
    if (packageDir !== undefined) installPackage(directory, packageDir)
    let hasStarted = (): void => undefined
    const firstStart = new Promise<void>((resolve) => {
      hasStarted = resolve
    })
    const waiting: Waiting[] = []
    const child = await startNodeRed({
      userDir: directory,
      env: { NODE_OPTIONS: '--expose-gc', ...env },
      settings: { nodesDir: [nodesDirectory], ...settings },
      onMessage: (message) => {
        const event = message as Event
        hasStarted()
        const index = waiting.findIndex(({ suits }) => suits(event))
        if (index !== -1) waiting.splice(index, 1)[0]?.resolve(event)
      }
    })
    const nodeRed = new BenchNodeRed(child, waiting, ownDirectory)
    await firstStart
    if (flows.length > 0) await nodeRed.deploy(flows)
    return nodeRed
  }

  get url(): string {
    return this.#process.url
  }

  async deploy(flows: readonly FlowNode[]): Promise<void> {
    const started = this.#next(({ kind }) => kind === 'started')
    await deployFlows(
      this.url,
      flows.map((node) => ('wires' in node ? { x: 0, y: 0, ...node } : node))
    )
    await started
  }

  /** Lets a `bench-loop` node send messages, and measures them. */
  async run(id: string, spec: RunSpec): Promise<RunResult> {
    const result = this.#next((event) => event.kind === 'result' && event.id === id)
    this.#process.child.send({ kind: 'run', id, spec })
    const event = await result
    if (event.kind !== 'result') throw new TypeError('not a result')
    if (event.result.failed > 0 && spec.mayFail !== true) {
      throw new Error(`${id}: ${event.result.failed} of ${spec.messages} messages failed`)
    }
    return event.result
  }

  /** Sends one message from a `bench-loop` node. */
  send(id: string, msg: Record<string, unknown>): void {
    this.#process.child.send({ kind: 'send', id, msg })
  }

  /** Memory after garbage collection. */
  async memory(id: string): Promise<Memory> {
    const event = this.#next(({ kind }) => kind === 'memory')
    this.#process.child.send({ kind: 'memory', id })
    return (await event) as { kind: 'memory' } & Memory
  }

  /** CPU time of all threads since the process started, in microseconds, by any `bench-loop` node. */
  async cpuUs(id: string): Promise<number> {
    const event = this.#next(({ kind }) => kind === 'cpu')
    this.#process.child.send({ kind: 'cpu', id })
    return ((await event) as { kind: 'cpu'; us: number }).us
  }

  /** What the admin route of an hl7-https-out node shows. */
  async state(id: string): Promise<Record<string, unknown>> {
    const response = await fetch(`${this.url}/hl7-https-out/${id}`)
    return (await response.json()) as Record<string, unknown>
  }

  async stop(): Promise<void> {
    await this.#process.stop()
    if (this.#ownDirectory !== undefined) rmSync(this.#ownDirectory, { recursive: true })
  }

  async #next(suits: (event: Event) => boolean): Promise<Event> {
    const event = new Promise<Event>((resolve) => {
      this.#waiting.push({ suits, resolve })
    })
    let timer: NodeJS.Timeout | undefined
    const failed = Promise.race([
      this.#process.exited.then(() => 'Node-RED has exited'),
      new Promise<string>((resolve) => {
        timer = setTimeout(resolve, LIMIT_MS, 'Node-RED does not respond')
      })
    ])
    const first = await Promise.race([event, failed])
    clearTimeout(timer)
    if (typeof first !== 'string') return first
    throw new Error(`${first}.\n${this.#process.log.slice(-20).join('\n')}`)
  }
}

/** If something of the package's name exists, demo/node-red.ts does not link this version. */
function installPackage(userDir: string, packageDir: string | false): void {
  const installed = join(userDir, 'node_modules', '@hl7-https', 'node-red-hl7-https-out')
  if (packageDir === false) {
    mkdirSync(installed, { recursive: true })
    return
  }
  mkdirSync(dirname(installed), { recursive: true })
  symlinkSync(packageDir, installed, 'junction')
}

export function temporaryDirectory(parent = process.env['BENCH_DIRECTORY'] ?? tmpdir()): string {
  return mkdtempSync(join(parent, 'bench-'))
}
