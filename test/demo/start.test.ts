import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { demoButtons } from '../../demo/demo-flow.ts'
import { deployFlows, type FlowNode } from '../../demo/node-red.ts'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** What a debug node sends to the editor's sidebar. */
interface DebugMessage {
  name: string
  msg: string
}

describe('npm start', { timeout: 120_000 }, () => {
  let temporary: string
  let demo: ChildProcess
  let output = ''

  before(() => {
    temporary = mkdtempSync(join(tmpdir(), 'hl7-https-start-'))
    demo = spawn(process.execPath, [join(root, 'demo', 'start.js')], {
      cwd: root,
      env: { ...process.env, TMPDIR: temporary, TEMP: temporary },
      stdio: ['ignore', 'pipe', 'pipe']
    })
    for (const stream of [demo.stdout, demo.stderr]) {
      stream?.on('data', (chunk: Buffer) => (output += chunk.toString()))
    }
  })
  after(async () => {
    if (demo.exitCode === null && demo.signalCode === null) {
      demo.kill('SIGTERM')
      await once(demo, 'exit')
    }
    rmSync(temporary, { recursive: true, force: true })
  })

  async function printed(text: string): Promise<void> {
    while (!output.includes(text)) {
      assert.equal(demo.exitCode, null, output)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  async function ready(): Promise<string> {
    await printed('Ctrl-C')
    return /Editor +(http:\S+)\//.exec(output)?.[1] ?? ''
  }

  it('says what to do on a Node.js that cannot run TypeScript', () => {
    const args = ['--no-experimental-strip-types', join(root, 'demo', 'start.js')]
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
    assert.equal(status, 1)
    assert.match(
      stderr,
      /^Node\.js [\d.]+ cannot run the demo\. Run "npm install", then "npm start"/
    )
  })

  it('makes messages wait while the receiver is away, suspends them while records are locked', async () => {
    const url = await ready()
    const flows = (await (await fetch(`${url}/flows`)).json()) as FlowNode[]
    const node = `${url}/hl7-https-out/${flows.find(({ type }) => type === 'hl7-https-out')?.id}`
    const post = async (address: string, body: object): Promise<void> => {
      const headers = { 'Content-Type': 'application/json' }
      const answer = await fetch(address, { method: 'POST', headers, body: JSON.stringify(body) })
      assert.equal(answer.status, 200, address)
    }
    const press = (id: string, props: Record<string, unknown> = {}): Promise<void> => {
      const changed = Object.entries(props).map(([p, v]) => ({ p, v, vt: 'json' }))
      return post(`${url}/inject/${id}`, changed.length ? { __user_inject_props__: changed } : {})
    }
    const trouble = (kind: 'away' | 'locked', seconds: number): Promise<void> =>
      press(demoButtons[kind], { payload: JSON.stringify(kind), seconds: String(seconds) })
    const shows = async (facts: Record<string, unknown>): Promise<void> => {
      for (;;) {
        const state = (await (await fetch(node)).json()) as Record<string, unknown>
        if (Object.entries(facts).every(([name, value]) => state[name] === value)) return
        assert.equal(demo.exitCode, null, output)
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }

    await trouble('away', 600)
    await printed('The receiver is away')
    await press(demoButtons.twelve)
    await shows({ state: 'retrying', queued: 12, acked: 0 })
    // A line of Node-RED's log, after the second attempt.
    await printed('ECONNREFUSED at 127.0.0.1')
    // Pressed again, the time starts again.
    await trouble('away', 0.1)
    await shows({ state: 'idle', queued: 0, acked: 12 })

    await trouble('locked', 600)
    await printed('The receiver locks')
    await press(demoButtons.twelve)
    await shows({ queued: 0, suspended: 12 })
    await trouble('locked', 0.1)
    await printed('unlocked')
    await post(`${node}/messages/resend`, { all: true })
    await shows({ suspended: 0, acked: 24 })
  })

  it('says of every example what to fill in', async () => {
    await ready()
    const [, list = ''] = /^The examples [^]*?\n\n([^]*)\nYour changes/m.exec(output) ?? []
    const numbers = [...list.matchAll(/\b\d+\b/g)].map(([number]) => Number(number))
    const files = readdirSync(join(root, 'examples')).map((file) => parseInt(file, 10))
    assert.deepEqual(
      [...new Set(files)].filter((number) => !numbers.includes(number)),
      []
    )
  })

  it('prints the alerts of the example that sends some', async () => {
    const url = await ready()
    const flows = (await (await fetch(`${url}/flows`)).json()) as FlowNode[]
    const file = join(root, 'examples', '09 Alert on-call staff.json')
    const example = (JSON.parse(readFileSync(file, 'utf8')) as FlowNode[]).map((node) =>
      node.type === 'hl7-https-out' ? { ...node, auth: '' } : node
    )
    await deployFlows(url, [...flows, ...example], 'nodes')
    const pause = example.find(({ name }) => name === 'pause')
    while ((await fetch(`${url}/inject/${pause?.id}`, { method: 'POST' })).status !== 200) {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    await printed('An alert: {"text":"Send to the receiver: paused, 0 waiting (PAUSED)"')
    await deployFlows(url, flows, 'nodes')
  })

  it('shows ACK, NAK and NAK after three clicks, and leaves nothing behind after Ctrl-C', async () => {
    const url = await ready()
    const flows = (await (await fetch(`${url}/flows`)).json()) as FlowNode[]
    const added = Object.values(demoButtons)
    const injects = flows.filter(({ id, type }) => type === 'inject' && !added.includes(id))
    assert.equal(injects.length, 3)

    const sidebar = await DebugSidebar.open(url)
    const seen: string[] = []
    for (const { id } of injects) {
      assert.equal((await fetch(`${url}/inject/${id}`, { method: 'POST' })).status, 200)
      const { name, msg } = await sidebar.next()
      const ack = JSON.parse(msg) as { code: string; errors: { code: string }[] }
      seen.push([name, ack.code, ...ack.errors.map((error) => error.code)].join(' '))
    }
    sidebar.close()
    assert.deepEqual(seen, ['ACK AA', 'NAK AE 102', 'NAK AR 203'])

    demo.kill('SIGINT')
    const [exitCode] = (await once(demo, 'exit')) as [number | null]
    assert.equal(exitCode, 0, output)
    const servers = new Set(output.match(/https?:\/\/127\.0\.0\.1:\d+/g))
    assert.equal(servers.size, 3)
    for (const server of servers) {
      await assert.rejects(fetch(server), (error: Error) => {
        assert.equal((error.cause as { code?: string }).code, 'ECONNREFUSED', server)
        return true
      })
    }
    // The compiler may leave its cache.
    const left = readdirSync(temporary).filter((name) => name.startsWith('hl7-https-'))
    assert.deepEqual(left, [])
  })
})

/** Reads what the editor's debug sidebar would show. */
class DebugSidebar {
  readonly #socket: WebSocket
  readonly #messages: DebugMessage[] = []
  #wake: (() => void) | undefined

  static async open(url: string): Promise<DebugSidebar> {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/comms`)
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve)
      socket.addEventListener('error', reject)
    })
    socket.send(JSON.stringify({ subscribe: 'debug' }))
    return new DebugSidebar(socket)
  }

  constructor(socket: WebSocket) {
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => {
      const events = [JSON.parse(String(data))].flat() as { topic?: string; data: DebugMessage }[]
      for (const event of events) if (event.topic === 'debug') this.#messages.push(event.data)
      this.#wake?.()
    })
  }

  async next(): Promise<DebugMessage> {
    for (;;) {
      const message = this.#messages.shift()
      if (message) return message
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  close(): void {
    this.#socket.close()
  }
}
