/** Starts a real Node-RED as a child process, with its own user directory and settings. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export interface NodeRedOptions {
  /** Absolute path; created if it does not exist. */
  userDir: string
  /** Added to the settings below, or replacing them; JSON values only. */
  settings?: Record<string, unknown>
  /** The `node-red` package to start. Default: `NODE_RED_DIR`, or else the installed one. */
  nodeRedDir?: string
  /** Added to the environment of this process. */
  env?: Record<string, string>
  /** A CA certificate that Node-RED trusts beside those of Node.js, in PEM format. */
  trustedCa?: string
  /** Time limit for the start, in milliseconds. Default 60 s. */
  startTimeoutMs?: number
  /** Called with what nodes send by `process.send`. */
  onMessage?: (message: unknown) => void
  /** Called with each line that Node-RED prints. */
  onLine?: (line: string) => void
}

export interface NodeRedProcess {
  /** The URL of the editor and the admin API, without a trailing slash. */
  url: string
  child: ChildProcess
  /** The last 10,000 lines that Node-RED printed. */
  log: string[]
  /** Resolves when the process has ended, for whatever reason. */
  exited: Promise<NodeRedExit>
  /** Sends SIGTERM, and SIGKILL 20 s later if necessary (nodes have 15 s to close). */
  stop(): Promise<NodeRedExit>
}

export interface NodeRedExit {
  code: number | null
  signal: NodeJS.Signals | null
}

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const packageName = '@hl7-https/node-red-hl7-https-out'
/** What the function nodes of the examples for RabbitMQ import. */
const exampleModule = 'amqplib'
const maxLogLines = 10_000

/**
 * Starts Node-RED on 127.0.0.1 and a free port, with this package in its user directory, and
 * resolves when it listens. It makes no requests to the internet: telemetry, update check, the
 * palette's catalogue and the installation of modules are off; what the examples import is there. It
 * never outlives the process that started it.
 *
 * @throws {Error} with Node-RED's last lines if it does not start
 */
export async function startNodeRed(options: NodeRedOptions): Promise<NodeRedProcess> {
  const settingsFile = writeUserDir(options)
  const trusted: Record<string, string> = {}
  if (options.trustedCa !== undefined) {
    trusted['NODE_EXTRA_CA_CERTS'] = join(options.userDir, 'trusted-ca.pem')
    writeFileSync(trusted['NODE_EXTRA_CA_CERTS'], options.trustedCa)
  }
  const child = spawn(
    process.env['NODE_RED_NODE'] ?? process.execPath,
    [join(nodeRedDirectory(options), 'red.js'), '--settings', settingsFile],
    {
      cwd: options.userDir,
      env: { ...cleanEnvironment(), ...trusted, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // In its own process group, Ctrl-C does not reach it: this process stops it in good order.
      detached: process.platform !== 'win32',
      // Keeps Buffers as Buffers.
      serialization: 'advanced'
    }
  )
  if (options.onMessage) child.on('message', options.onMessage)
  const killAtExit = () => child.kill('SIGKILL')
  process.once('exit', killAtExit)

  const exited = new Promise<NodeRedExit>((resolve) => {
    child.once('error', () => {
      resolve({ code: null, signal: null })
    })
    child.once('close', (code, signal) => {
      process.removeListener('exit', killAtExit)
      resolve({ code, signal })
    })
  })
  const log: string[] = []
  const url = await listening(child, log, exited, options)

  const stop = async () => {
    child.kill('SIGTERM')
    const timer = setTimeout(killAtExit, 20_000)
    const exit = await exited
    clearTimeout(timer)
    return exit
  }
  return { url, child, log, exited, stop }
}

/** A node as in a flow file; for a deploy it may have `credentials`. */
export type FlowNode = { id: string; type: string } & Record<string, unknown>

/** What a deploy restarts: everything, the changed flows, or the changed nodes. */
export type DeployType = 'full' | 'flows' | 'nodes'

/** Deploys flows and their credentials by the admin API. Resolves before they have started. */
export async function deployFlows(
  url: string,
  flows: readonly FlowNode[],
  type: DeployType = 'full'
): Promise<void> {
  const response = await fetch(`${url}/flows`, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      'Node-RED-API-Version': 'v2',
      'Node-RED-Deployment-Type': type
    },
    body: JSON.stringify({ flows })
  })
  const answer = await response.text()
  if (!response.ok) {
    throw new Error(`Node-RED refused the flows (${response.status}): ${answer}`)
  }
}

function nodeRedDirectory({ nodeRedDir }: NodeRedOptions): string {
  const chosen = nodeRedDir ?? process.env['NODE_RED_DIR']
  return resolve(chosen || join(root, 'node_modules', 'node-red'))
}

/** The directory of a package that this one is developed with. */
function installedAt(name: string): string {
  const main = createRequire(import.meta.url).resolve(name)
  const folder = join('node_modules', name)
  return main.slice(0, main.lastIndexOf(folder) + folder.length)
}

function writeUserDir({ userDir, settings }: NodeRedOptions): string {
  const modules = join(userDir, 'node_modules')
  mkdirSync(join(modules, dirname(packageName)), { recursive: true })
  const installed = { [packageName]: root, [exampleModule]: installedAt(exampleModule) }
  for (const [name, directory] of Object.entries(installed)) {
    if (!existsSync(join(modules, name))) symlinkSync(directory, join(modules, name), 'junction')
  }
  // Node-RED asks npm for what a function node imports and is not listed here; npm would then remove
  // both links.
  writeFileSync(
    join(userDir, 'package.json'),
    JSON.stringify({ private: true, dependencies: { [exampleModule]: '*' } })
  )

  const all = {
    userDir,
    flowFile: join(userDir, 'flows.json'),
    uiHost: '127.0.0.1',
    uiPort: 0,
    credentialSecret: 'only for this machine',
    lang: 'en-US',
    telemetry: { enabled: false, updateNotification: false },
    externalModules: {
      palette: { allowInstall: false, allowUpload: false },
      modules: { allowInstall: false }
    },
    editorTheme: { tours: false, palette: { catalogues: [] } },
    ...settings
  }
  const file = join(userDir, 'settings.cjs')
  writeFileSync(
    file,
    `// Ends Node-RED when the process that started it is killed.
process.on('disconnect', () => process.exit(1))
module.exports = ${JSON.stringify(all, null, 2)}
`
  )
  return file
}

/** The environment without proxies, which would get even requests to 127.0.0.1. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const unwanted = /^(?:https?_proxy|all_proxy|node_test_context)$/i
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !unwanted.test(name)))
}

async function listening(
  child: ChildProcess,
  log: string[],
  exited: Promise<NodeRedExit>,
  { startTimeoutMs = 60_000, onLine }: NodeRedOptions
): Promise<string> {
  const url = new Promise<string>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      if (!stream) continue
      createInterface({ input: stream }).on('line', (line) => {
        log.push(line)
        if (log.length > maxLogLines) log.shift()
        onLine?.(line)
        const found = /Server now running at (http:\/\/[\d.:]+)/.exec(line)
        if (found?.[1]) resolve(found[1])
      })
    }
  })
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, startTimeoutMs, undefined)
  })
  const first = await Promise.race([url, exited, timeout])
  clearTimeout(timer)
  if (typeof first === 'string') return first
  child.kill('SIGKILL')
  throw new Error(`Node-RED did not start. Its last lines:\n${log.slice(-20).join('\n')}`)
}
