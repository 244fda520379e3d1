import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after } from 'node:test'
import { fileURLToPath } from 'node:url'
import {
  type DeployType,
  deployFlows,
  type FlowNode,
  type NodeRedExit,
  type NodeRedProcess,
  startNodeRed as startProcess
} from '../../demo/node-red.ts'
import { adminAuth, USERS } from './admin-users.ts'
import { testAuthority } from './certificates.ts'

export type { DeployType, FlowNode, NodeRedExit }

export interface TestNodeRedOptions {
  /** Default: a new temporary directory, removed when the test process ends. */
  userDir?: string
  /** Added to the settings in demo/node-red.ts, or replacing them; JSON values only. */
  settings?: Record<string, unknown>
  env?: Record<string, string>
  /** See demo/node-red.ts, as for the next one. */
  trustedCa?: string
  /** The `node-red` package to start. */
  nodeRedDir?: string
}

/** A message as a probe node saw it. Functions and streams become `{$type: …}`. */
export type ProbedMessage = Record<string, unknown>

/** The status of a node; `{}` if it was cleared. */
export interface NodeStatus {
  fill?: string
  shape?: string
  text?: string
  code?: string
  codes?: string[]
  level?: string
  calls?: string[]
}

type ProbeEvent =
  | { kind: 'started' }
  | { kind: 'refused'; reason: string }
  | { kind: 'status'; id: string; status?: NodeStatus }
  | { kind: 'message'; id: string; msg: ProbedMessage }

const probeDirectory = join(dirname(fileURLToPath(import.meta.url)), 'probe-node')

/** Environment variables of the Node-REDs that tests share. */
export const VARIABLES = {
  /** No test may find it in a log, a status or an answer. */
  TEST_SECRET: 'key-of-a-variable-that-nobody-may-see',
  /** The longest frame that the MLLP example takes. */
  MLLP_MAX_BYTES: '2000000'
}

/** Those that the tests of this process share: one without users and one with them. */
const shared: { plain?: TestNodeRed; withUsers?: TestNodeRed } = {}

/**
 * A real Node-RED with this package (build it first) and the node type `probe`: wire any output,
 * Catch, Status or Complete node to one, and read with `messages` what it received. `close` it.
 *
 * Without other options than `flows` and `users` it is the one that all test files of this process
 * share, as if it were new: no flows, no queue files, nothing seen. It trusts the `testAuthority`
 * and has the `VARIABLES`.
 *
 * @param options.flows deployed before this resolves
 * @param options.users whether it has the `USERS`, and logs everything that Node-RED can log
 */
export async function startNodeRed({
  flows,
  users = false,
  ...options
}: TestNodeRedOptions & {
  flows?: readonly FlowNode[]
  users?: boolean
} = {}): Promise<TestNodeRed> {
  const own = Object.keys(options).length > 0
  const nodeRed = own ? new TestNodeRed(options) : await sharedNodeRed(users)
  try {
    if (!nodeRed.alive) await nodeRed.start()
    if (flows) await nodeRed.deploy(flows)
  } catch (error) {
    await nodeRed.close()
    throw error
  }
  return nodeRed
}

async function sharedNodeRed(users: boolean): Promise<TestNodeRed> {
  const which = users ? 'withUsers' : 'plain'
  const found = shared[which]
  // A test may have ended it.
  if (found?.alive) return found
  const { ca } = await testAuthority()
  const settings = {
    adminAuth: adminAuth(USERS),
    logging: { console: { level: 'trace', metrics: true, audit: true } }
  }
  const nodeRed = new TestNodeRed({
    ...{ trustedCa: ca, env: VARIABLES },
    ...(users && { settings })
  })
  shared[which] = nodeRed
  return nodeRed
}

/** All that were started. One that a failed test leaves behind would keep this process for ever. */
const started = new Set<TestNodeRed>()
after(() => Promise.all([...started].map((nodeRed) => nodeRed.stop())))

/** A Node-RED whose process can be stopped, killed and started again. */
export class TestNodeRed {
  readonly userDir: string
  readonly #options: TestNodeRedOptions
  readonly #messages = new Map<string, ProbedMessage[]>()
  readonly #statuses = new Map<string, NodeStatus[]>()
  /** How many statuses each node had shown before the last start or deploy. */
  #statusesBefore = new Map<string, number>()
  readonly #wakers = new Set<() => void>()
  readonly #log: string[] = []
  #process: NodeRedProcess | undefined
  #flowStarts = 0
  #refused: string | undefined
  #marks = 0

  constructor(options: TestNodeRedOptions) {
    this.#options = options
    this.userDir = options.userDir ?? temporaryDirectory()
  }

  /** The URL of editor and admin API, without a trailing slash; it changes at a restart. */
  get url(): string {
    return this.#running.url
  }

  /** The process id, for checking memory or open files. */
  get pid(): number {
    return this.#running.child.pid ?? 0
  }

  /** Whether the process is running. */
  get alive(): boolean {
    const child = this.#process?.child
    return child !== undefined && child.exitCode === null && child.signalCode === null
  }

  /** Resolves when the current process has ended. */
  get exited(): Promise<NodeRedExit> {
    return this.#running.exited
  }

  /** What Node-RED has printed, over all starts. */
  log(): readonly string[] {
    return [...this.#log, ...(this.#process?.log ?? [])]
  }

  /** Starts the process, with the flows that the previous one left in the user directory. */
  async start(): Promise<void> {
    if (this.alive) throw new Error('Node-RED is already running')
    if (this.#process) this.#log.push(...this.#process.log)
    this.#process = undefined
    this.#flowStarts = 0
    this.#forgetStatuses()
    started.add(this)
    this.#process = await startProcess({
      userDir: this.userDir,
      settings: { nodesDir: [probeDirectory], ...this.#options.settings },
      env: this.#options.env ?? {},
      ...(this.#options.trustedCa === undefined ? {} : { trustedCa: this.#options.trustedCa }),
      ...(this.#options.nodeRedDir === undefined ? {} : { nodeRedDir: this.#options.nodeRedDir }),
      onMessage: (event) => {
        this.#record(event as ProbeEvent)
      }
    })
    await this.#flowsStarted(0)
  }

  /** Ends this Node-RED, or gives the shared one back as it was at first. May be called repeatedly. */
  async close(): Promise<void> {
    if (!Object.values(shared).includes(this) || !this.alive) return this.stop()
    await this.deploy([])
    rmSync(join(this.userDir, 'hl7-https-out'), { recursive: true, force: true })
    await this.printed()
    this.#messages.clear()
    this.#statuses.clear()
    this.#running.log.length = 0
    this.#log.length = 0
  }

  /** Sends SIGTERM, which closes the nodes. May be called at any time, and repeatedly. */
  async stop(): Promise<void> {
    await this.#process?.stop()
  }

  /** Sends SIGKILL, like a crash or a power cut. */
  async kill(): Promise<void> {
    this.#process?.child.kill('SIGKILL')
    await this.#process?.exited
  }

  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  /**
   * Deploys flows, with the credentials in the nodes, and resolves when they have started. A node
   * with `wires` gets a default position: without one, Node-RED takes it for a config node.
   *
   * @throws {Error} if Node-RED refuses the flows or a node type is missing
   */
  async deploy(flows: readonly FlowNode[], type: DeployType = 'full'): Promise<void> {
    const before = this.#flowStarts
    this.#forgetStatuses()
    const placed = flows.map((node) => ('wires' in node ? { x: 0, y: 0, ...node } : node))
    await deployFlows(this.url, placed, type)
    await this.#flowsStarted(before)
  }

  /** The flows as Node-RED gives them to the editor and exports them: without credentials. */
  async flows(): Promise<FlowNode[]> {
    const { body } = await this.get('/flows')
    return body as FlowNode[]
  }

  /** GETs from the admin API. */
  get(path: string): Promise<AdminAnswer> {
    return this.#ask(path, { headers: { Accept: 'application/json' } })
  }

  /** POSTs JSON to the admin API. */
  post(path: string, body: unknown = {}): Promise<AdminAnswer> {
    return this.#ask(path, {
      method: 'POST',
      headers: { Accept: 'application/json', 'Content-Type': 'application/json' },
      body: JSON.stringify(body)
    })
  }

  /** Presses an inject node's button; `msg` replaces the properties that the node would set. */
  async inject(nodeId: string, msg?: Record<string, unknown>): Promise<void> {
    const body = msg
      ? { __user_inject_props__: Object.entries(msg).map(([p, v]) => injected(p, v)) }
      : {}
    const { status } = await this.post(`/inject/${nodeId}`, body)
    if (status !== 200) throw new Error(`Inject node ${nodeId} answered ${status}`)
  }

  /** The messages that a probe node has received so far, over all starts. */
  messages(probeId: string): readonly ProbedMessage[] {
    return this.#messages.get(probeId) ?? []
  }

  /**
   * The log, once everything is in it that Node-RED has printed until now: it comes by another way
   * than messages, statuses and answers, which may be faster.
   */
  async printed(): Promise<readonly string[]> {
    const mark = `Printed until mark ${++this.#marks}`
    this.#running.child.send(mark)
    return this.waitFor(() => this.log().includes(mark) && this.log())
  }

  /** The statuses that a node has shown so far, over all starts. */
  statuses(nodeId: string): readonly NodeStatus[] {
    return this.#statuses.get(nodeId) ?? []
  }

  /** Waits until a probe node has received a total of `count` messages. @returns them */
  waitForMessages(
    probeId: string,
    count = 1,
    timeoutMs = 10_000
  ): Promise<readonly ProbedMessage[]> {
    return this.waitFor(
      () => (this.messages(probeId).length >= count ? this.messages(probeId) : undefined),
      timeoutMs,
      () => `probe ${probeId} has ${this.messages(probeId).length} of ${count} messages`
    )
  }

  /** Waits until a node has shown a suitable status since the last start or deploy. @returns the first one */
  waitForStatus(
    nodeId: string,
    suits: (status: NodeStatus) => boolean,
    timeoutMs = 10_000
  ): Promise<NodeStatus> {
    const from = this.#statusesBefore.get(nodeId) ?? 0
    return this.waitFor(
      () => this.statuses(nodeId).slice(from).find(suits),
      timeoutMs,
      () => `node ${nodeId} has shown ${JSON.stringify(this.statuses(nodeId).slice(from))}`
    )
  }

  /** Waits until a line of the log from the `from`th one on has these words. @returns the line */
  waitForLog(words: RegExp | string, from = 0): Promise<string> {
    const has = (line: string): boolean =>
      typeof words === 'string' ? line.includes(words) : words.test(line)
    return this.waitFor(
      () => this.log().slice(from).find(has),
      10_000,
      () => `no line has ${String(words)}`
    )
  }

  /**
   * Waits until `look`, which is called after each event from Node-RED and every 50 ms, returns
   * something other than `undefined` or `false`.
   *
   * @throws {Error} with `situation()` and Node-RED's last lines, after `timeoutMs` or if the
   *   process has ended
   */
  async waitFor<T>(
    look: () => T | undefined | false | Promise<T | undefined | false>,
    timeoutMs = 10_000,
    situation: () => string = () => `not yet: ${look.toString()}`
  ): Promise<T> {
    const deadline = performance.now() + timeoutMs
    for (;;) {
      const found = await look()
      if (found !== undefined && found !== false) return found
      const gone = !this.alive
      if (gone || performance.now() > deadline) {
        const why = gone ? 'Node-RED has exited' : `waited ${timeoutMs} ms`
        throw new Error(`${why}: ${situation()}\n${this.log().slice(-20).join('\n')}`)
      }
      await this.#nextEvent(50)
    }
  }

  #nextEvent(atMostMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer)
        this.#wakers.delete(wake)
        resolve()
      }
      const timer = setTimeout(wake, atMostMs)
      this.#wakers.add(wake)
    })
  }

  async #flowsStarted(before: number): Promise<void> {
    await this.waitFor(
      () => (this.#flowStarts > before ? true : undefined),
      30_000,
      () => 'the flows have not started'
    )
    if (this.#refused !== undefined) throw new Error(`The flows did not start: ${this.#refused}`)
  }

  #record(event: ProbeEvent): void {
    if (event.kind === 'message') {
      append(this.#messages, event.id, event.msg)
    } else if (event.kind === 'status') {
      // Node-RED leaves it out for a node that was removed.
      append(this.#statuses, event.id, event.status ?? {})
    } else {
      this.#flowStarts += 1
      this.#refused = event.kind === 'refused' ? event.reason : undefined
    }
    for (const wake of [...this.#wakers]) wake()
  }

  #forgetStatuses(): void {
    this.#statusesBefore = new Map(
      [...this.#statuses].map(([id, statuses]) => [id, statuses.length])
    )
  }

  async #ask(path: string, init: RequestInit): Promise<AdminAnswer> {
    const response = await fetch(this.url + path, init)
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.includes('json') ?? false
    return { status: response.status, body: isJson ? (JSON.parse(text) as unknown) : text }
  }

  get #running(): NodeRedProcess {
    if (!this.#process) throw new Error('Node-RED has not been started')
    return this.#process
  }
}

/** An answer of the admin API; `body` is parsed if it is JSON. */
export interface AdminAnswer {
  status: number
  body: unknown
}

function injected(p: string, value: unknown): Record<string, unknown> {
  if (value instanceof Uint8Array) return { p, v: JSON.stringify([...value]), vt: 'bin' }
  return typeof value === 'string'
    ? { p, v: value, vt: 'str' }
    : { p, v: JSON.stringify(value), vt: 'json' }
}

function append<T>(lists: Map<string, T[]>, id: string, item: T): void {
  const list = lists.get(id)
  if (list) list.push(item)
  else lists.set(id, [item])
}

const temporaryDirectories = new Set<string>()
process.once('exit', () => {
  for (const directory of temporaryDirectories) rmSync(directory, { recursive: true, force: true })
})

/** A new directory, which is removed when the test process ends. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'hl7-https-out-'))
  temporaryDirectories.add(directory)
  return directory
}
