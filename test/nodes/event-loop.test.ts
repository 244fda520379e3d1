import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { startNodeRed, type FlowNode } from '../support/node-red.ts'
import { startHl7Receiver } from '../../demo/hl7-receiver.ts'
import { createAuthority } from '../support/certificates.ts'

const ROUNDS = 12

interface Measured {
  /** The longest delay of a 10 ms timer, in milliseconds, and how often it was over 50 ms. */
  latest: number
  lateTicks: number
  /** The shortest wait of a message for `done`, in milliseconds. */
  fastestDone: number
}

/** Sends a message every 20 ms for two seconds; a timer shows whether the event loop is blocked. */
const measure = `
  const start = Date.now()
  const measured = { latest: 0, lateTicks: 0 }
  let due = start + 10
  const timer = setInterval(() => {
    const now = Date.now()
    const late = now - due
    due = now + 10
    measured.latest = Math.max(measured.latest, late)
    if (late > 50) measured.lateTicks++
  }, 10)
  let n = 0
  const source = setInterval(() => {
    const id = 'LOOP' + String(Date.now()) + String(++n)
    node.send([{ sentAt: Date.now(), payload:
      'MSH|^~\\\\&|A|B|C|D|20260102||ADT^A01|' + id + '|P|2.5.1\\rPID|1||1||Lindqvist\\r' }, null])
  }, 20)
  setTimeout(() => {
    clearInterval(source)
    clearInterval(timer)
    node.send([null, { measured }])
  }, 2000)`

describe('the event loop of Node-RED', () => {
  it('does not wait for a disk that takes 200 ms to sync', async (t) => {
    const authority = await createAuthority()
    const receiver = await startHl7Receiver({ tls: await authority.issueServer() })
    t.after(() => receiver.close())
    const flows: FlowNode[] = [
      { id: 'tab', type: 'tab', label: 'test' },
      {
        ...{ id: 'tls', type: 'tls-config', certType: 'files', verifyservercert: true },
        // The editor saves these too, and Node-RED 4.1 needs them.
        ...{ cert: '', key: '', ca: '' },
        credentials: { cadata: authority.ca }
      },
      { id: 'in', type: 'inject', z: 'tab', props: [{ p: 'payload' }], wires: [['measure']] },
      {
        ...{ id: 'measure', type: 'function', z: 'tab', func: measure, outputs: 2 },
        wires: [['out'], ['measured']]
      },
      {
        ...{ id: 'out', type: 'hl7-https-out', z: 'tab', url: receiver.url, tls: 'tls' },
        ...{ order: 'none', wires: [['ack'], []] }
      },
      { id: 'ack', type: 'probe', z: 'tab', wires: [] },
      { id: 'measured', type: 'probe', z: 'tab', wires: [] },
      { id: 'complete', type: 'complete', z: 'tab', scope: ['out'], wires: [['waited']] },
      {
        ...{ id: 'waited', type: 'function', z: 'tab', outputs: 1, wires: [['done']] },
        func: 'return { ms: Date.now() - msg.sentAt }'
      },
      { id: 'done', type: 'probe', z: 'tab', wires: [] }
    ]

    /** Repeats until the timer was never late in a round: other processes use this machine too. */
    const best = async (queue: string, env: Record<string, string>): Promise<Measured> => {
      const nodeRed = await startNodeRed({
        env,
        flows: flows.map((node) => (node.id === 'out' ? { ...node, queue } : node))
      })
      try {
        let found: Measured | undefined
        for (let round = 1; round <= ROUNDS; round++) {
          const before = nodeRed.messages('done').length
          await nodeRed.inject('in', { payload: 'x' })
          const messages = await nodeRed.waitForMessages('measured', round)
          const measured = messages[round - 1]?.['measured'] as Omit<Measured, 'fastestDone'>
          await nodeRed.waitForMessages('done', before + 20)
          const waits = nodeRed
            .messages('done')
            .slice(before)
            .map(({ ms }) => ms as number)
          const fastestDone = Math.min(...waits)
          if (found === undefined || measured.latest < found.latest) {
            found = { ...measured, fastestDone }
          }
          // The first round warms up.
          if (round > 1 && found.latest <= 50) break
        }
        assert.ok(found)
        return found
      } finally {
        await nodeRed.close()
      }
    }

    const preload = pathToFileURL(join(import.meta.dirname, 'slow-commits.js')).href
    const memory = await best('memory', {})
    const slow = await best('disk', { NODE_OPTIONS: `--import ${preload}` })
    t.diagnostic(JSON.stringify({ memory, slow }))
    assert.ok(slow.fastestDone >= 190, 'the disk should be slow')
    assert.ok(
      slow.latest <= Math.max(50, memory.latest * 1.5),
      `a timer was ${slow.latest} ms late; ${memory.latest} ms with the queue in memory`
    )
  })
})
