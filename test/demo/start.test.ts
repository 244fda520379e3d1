import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { FlowNode } from '../../demo/node-red.ts'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** What a debug node sends to the editor's sidebar. */
interface DebugMessage {
  name: string
  msg: string
}

describe('npm start', () => {
  let temporary: string
  let demo: ChildProcess
  let output = ''

  before(() => {
    temporary = mkdtempSync(join(tmpdir(), 'hl7-https-start-'))
    demo = spawn(process.execPath, [join(root, 'demo', 'start.ts')], {
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

  async function ready(): Promise<string> {
    for (;;) {
      const url = /Editor +(http:\S+)\//.exec(output)?.[1]
      if (url !== undefined && output.includes('Ctrl-C')) return url
      assert.equal(demo.exitCode, null, output)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  it('shows ACK, NAK and NAK after three clicks, and leaves nothing behind after Ctrl-C', async () => {
    const url = await ready()
    const flows = (await (await fetch(`${url}/flows`)).json()) as FlowNode[]
    const injects = flows.filter((node) => node.type === 'inject')
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
