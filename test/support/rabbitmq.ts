/** Starts Debian's RabbitMQ on 127.0.0.1, with its own data directory. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from './free-port.ts'

const BIN = '/usr/lib/rabbitmq/bin'
const EPMD = '/usr/bin/epmd'
const START_TIMEOUT_MS = 120_000

/** A broker started by `startRabbitMq`. */
export interface RabbitMq {
  /** Where clients connect, as the default user `guest`. */
  url: string
  /** Runs `rabbitmqctl` for the broker. @returns what it printed */
  control(...args: string[]): Promise<string>
  /** Shuts it down and removes its data. */
  stop(): Promise<void>
}

/**
 * Starts a broker with the consistent-hash exchange, and resolves when it accepts connections. It
 * has its own name server (epmd), which leaves nothing behind and meets no other broker.
 *
 * @throws {Error} with its last lines if it does not start
 */
export async function startRabbitMq(): Promise<RabbitMq> {
  const directory = mkdtempSync(join(tmpdir(), 'hl7-rabbitmq-'))
  const file = (name: string): string => join(directory, name)
  const [port, epmdPort, distributionPort] = [await freePort(), await freePort(), await freePort()]
  // Enough for a small test machine; below, the schedulers must not busy-wait on its cores.
  writeFileSync(
    file('rabbitmq.conf'),
    'disk_free_limit.absolute = 64MB\nraft.wal_max_size_bytes = 67108864\n'
  )
  writeFileSync(file('enabled_plugins'), '[rabbitmq_consistent_hash_exchange].\n')
  const env = {
    PATH: process.env['PATH'],
    // Where the Erlang cookie is created.
    HOME: directory,
    LANG: 'C.UTF-8',
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_EPMD_PORT: String(epmdPort),
    RABBITMQ_NODENAME: 'hl7@localhost',
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(distributionPort),
    RABBITMQ_CONFIG_FILE: file('rabbitmq.conf'),
    RABBITMQ_CONF_ENV_FILE: file('rabbitmq-env.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: file('enabled_plugins'),
    RABBITMQ_MNESIA_BASE: file('data'),
    RABBITMQ_LOG_BASE: file('log'),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:
      '-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none',
    RABBITMQ_CTL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}'
  }
  const epmd = run(EPMD, ['-address', '127.0.0.1', '-port', String(epmdPort)], env)
  const broker = run(join(BIN, 'rabbitmq-server'), [], env)
  const stop = async (): Promise<void> => {
    await end(broker)
    await end(epmd)
    rmSync(directory, { recursive: true, force: true })
  }
  try {
    await started(broker)
  } catch (error) {
    await stop()
    throw error
  }
  return {
    url: `amqp://127.0.0.1:${port}`,
    async control(...args) {
      const { stdout } = await promisify(execFile)(
        join(BIN, 'rabbitmqctl'),
        ['-q', '-n', env.RABBITMQ_NODENAME, ...args],
        { env }
      )
      return stdout
    },
    stop
  }
}

interface Run {
  child: ChildProcess
  words: string[]
  /** The program has ended. */
  ended: boolean
}

/** Terminates its program when its input is closed, even if the tests are killed. */
const KEEPER = '"$@" & program=$!; exec >&- 2>&-; read -r _; kill -TERM $program; wait $program'

function run(program: string, args: string[], env: NodeJS.ProcessEnv): Run {
  const child = spawn('/bin/sh', ['-c', KEEPER, 'keeper', program, ...args], {
    env,
    // Its own process group, so that Ctrl-C in the terminal reaches only the tests.
    detached: true
  })
  const started: Run = { child, words: [], ended: false }
  child.stdout.on('data', (chunk: Buffer) => started.words.push(chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => started.words.push(chunk.toString()))
  child.stdout.once('end', () => {
    started.ended = true
  })
  return started
}

async function started(broker: Run): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS
  while (!broker.words.join('').includes('completed with')) {
    if (broker.ended || Date.now() > deadline) {
      throw new Error(`RabbitMQ did not start:\n${broker.words.join('').slice(-4000)}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

async function end({ child }: Run): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const { pid } = child
  const closed = new Promise((resolve) => child.once('close', resolve))
  child.stdin?.end()
  const timer = setTimeout(() => {
    process.kill(-pid, 'SIGKILL')
  }, 20_000)
  await closed
  clearTimeout(timer)
}
