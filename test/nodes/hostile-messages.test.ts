import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { adt, startWorld, type World } from '../support/world.ts'

type Message = Record<string, unknown> & { hl7?: Record<string, unknown> }
type Caught = Message & { error: { code: string; message: string } }

/** What a Function node makes of a valid message `text`, and where it must leave. */
interface Case {
  name: string
  make: string
  leaves: 'ack' | 'caught'
  code?: string
  /** Properties that must still be there. */
  kept?: Record<string, unknown>
}

const INVALID = { leaves: 'caught', code: 'HL7_INVALID_MESSAGE' } as const
const CONFIG = { leaves: 'caught', code: 'HL7_CONFIG' } as const
const ACK = { leaves: 'ack' } as const

const cases: Case[] = [
  { name: 'a frozen message', make: 'freeze(msg)', ...ACK, kept: { topic: 'kept' } },
  { name: 'a sealed message', make: 'Object.seal(msg)', ...ACK, kept: { topic: 'kept' } },
  { name: 'a non-extensible message', make: 'Object.preventExtensions(msg)', ...ACK },
  { name: 'a frozen message with an old error', make: 'msg.error = {}, freeze(msg)', ...ACK },
  {
    name: 'a frozen message that is not HL7',
    make: 'msg.payload = "x", freeze(msg)',
    ...INVALID
  },
  {
    name: 'a message without a prototype',
    make: 'Object.assign(Object.create(null), msg)',
    ...ACK
  },
  { name: 'a symbol', make: 'msg.payload = Symbol("a"), msg', ...INVALID },
  { name: 'a bigint', make: 'msg.payload = 10n, msg', ...INVALID },
  { name: 'a function', make: 'msg.payload = () => 1, msg', ...INVALID },
  { name: 'a million numbers', make: 'msg.payload = new Array(1e6).fill(1), msg', ...INVALID },
  { name: 'a String object', make: 'msg.payload = new String(text), msg', ...INVALID },
  { name: 'a proxy as payload', make: 'msg.payload = new Proxy({}, {}), msg', ...INVALID },
  { name: 'a bigint in another property', make: 'msg.big = 10n, msg', ...ACK },
  {
    name: 'a symbol in another property',
    make: 'msg.s = Symbol("a"), msg[Symbol("b")] = 1, msg',
    ...ACK
  },
  { name: 'a cycle in another property', make: 'msg.self = msg, msg', ...ACK },
  {
    name: 'two hundred thousand objects in another property',
    make: 'msg.o = Array.from({length: 2e5}, () => ({})), msg',
    ...ACK
  },
  {
    name: 'a revoked proxy in another property',
    make: 'const p = Proxy.revocable({}, {}); p.revoke(); msg.proxy = p.proxy; return msg',
    ...ACK
  },
  {
    name: 'a toJSON that throws',
    make: 'msg.j = { toJSON() { throw new Error("x") } }, msg',
    ...ACK
  },
  { name: 'msg.hl7 that is not an object', make: 'msg.hl7 = 5, msg', ...ACK },
  { name: 'a frozen msg.hl7', make: 'msg.hl7 = Object.freeze({ outcome: "x" }), msg', ...ACK },
  {
    name: 'a Uint8Array of the Function node',
    make: 'msg.payload = new Uint8Array(Buffer.from(text)), msg',
    ...ACK
  },
  {
    name: 'bytes in shared memory',
    make: 'const s = new SharedArrayBuffer(text.length); Buffer.from(s).write(text); msg.payload = Buffer.from(s); return msg',
    ...ACK
  },
  {
    name: 'a slice of a Buffer',
    make: 'msg.payload = Buffer.from("xx" + text).subarray(2), msg',
    ...ACK
  },
  { name: 'a DataView', make: 'msg.payload = new DataView(new ArrayBuffer(9)), msg', ...INVALID },
  ...['5', '[]', '{}', 'true', 'Symbol("x")', '10n', '() => 1'].map((url): Case => ({
    name: `the URL ${url}`,
    make: `msg.url = ${url}, msg`,
    ...CONFIG
  })),
  ...['-1', '0', 'NaN', 'Infinity', '"abc"', '[]', '{}', '10n', 'Symbol("x")', 'null', '1e300'].map(
    (ms): Case => ({ name: `the timeout ${ms}`, make: `msg.requestTimeout = ${ms}, msg`, ...ACK })
  ),
  ...['5', '"x"', '{ get a() { throw 1 } }', 'Symbol("x")', 'null'].map((value): Case => ({
    name: `the headers ${value}`,
    make: `msg.headers = ${value}, msg`,
    ...ACK
  })),
  ...['5', '[]', '{}', '"pause"', '"nothing"'].map((action): Case => ({
    name: `the action ${action}`,
    make: `msg.action = ${action}, msg`,
    ...ACK
  })),
  ...['5', '["pause"]', '{}', '"nothing"', '"__proto__"', 'Symbol("pause")'].map(
    (action): Case => ({
      name: `the action ${action} without a payload`,
      make: `delete msg.payload, msg.action = ${action}, msg`,
      ...INVALID
    })
  )
]

for (const queue of ['memory', 'disk']) {
  describe(`any message leaves exactly once, and Node-RED survives (queue: ${queue})`, () => {
    let world: World
    before(async () => {
      world = await startWorld()
      const func = cases
        .map(({ make }, index) => {
          const body = make.includes('return ') ? make : `return (${make})`
          // A copy, because the Function node itself writes to the message it was given.
          return `if (n === ${index}) return ((msg) => { ${body} })({ ...msg })`
        })
        .join('\n')
      const flow = world
        .flow({ queue, failureTimeout: 0 })
        .map((node) => (node.id === 'in' ? { ...node, wires: [['hostile']] } : node))
      await world.nodeRed.deploy([
        ...flow,
        {
          id: 'hostile',
          type: 'function',
          z: 'tab',
          outputs: 1,
          // Freezes all but the id, which the Function node itself writes.
          func: `const freeze = (msg) => {
  for (const name of Object.keys(msg)) if (name !== '_msgid') Object.defineProperty(msg, name, { ...('value' in Object.getOwnPropertyDescriptor(msg, name) ? { writable: false } : {}), configurable: false })
  return Object.preventExtensions(msg)
}
const n = msg.n, text = msg.payload; msg.topic = 'kept'\n${func}`,
          wires: [['out']]
        }
      ])
    })
    after(() => world.close())

    cases.forEach(({ name, leaves, code, kept = {} }, index) => {
      it(name, async () => {
        const { nodeRed } = world
        const probes = ['ack', 'nak', 'caught'] as const
        const count = () => probes.map((probe) => nodeRed.messages(probe).length)
        const total = () => count().reduce((sum, one) => sum + one, 0)
        const earlier = count()
        const before = total()
        const id = `HOST${String(index).padStart(4, '0')}`
        await nodeRed.inject('in', { payload: adt(id), n: index })
        // Node-RED clones a message for each Complete and Catch node: so many objects take a while.
        await nodeRed.waitFor(() => (total() > before ? true : undefined), 60_000)
        const probe = probes.find((one, at) => nodeRed.messages(one).length > (earlier[at] ?? 0))
        const msg = nodeRed.messages(probe ?? 'ack').at(-1) as Message
        assert.equal(probe, leaves, JSON.stringify((msg as Caught).error))
        if (code !== undefined) assert.equal((msg as Caught).error.code, code)
        assert.equal(msg.hl7?.['outcome'], leaves === 'ack' ? 'ack' : 'error')
        for (const [property, value] of Object.entries(kept)) assert.equal(msg[property], value)
        if (leaves === 'ack') assert.match(String(msg['payload']), new RegExp(`MSA\\|AA\\|${id}`))
      })
    })

    it('no message left twice or was logged', async () => {
      const { nodeRed } = world
      assert.ok(nodeRed.alive)
      const left = ['ack', 'nak', 'caught'].flatMap((probe) => [...nodeRed.messages(probe)])
      assert.equal(left.length, cases.length)
      const { body } = await nodeRed.get('/hl7-https-out/out')
      const { queued, inFlight, oldestAgeMs } = body as Record<string, number>
      assert.deepEqual([queued, inFlight, oldestAgeMs], [0, 0, 0])
      const log = (await nodeRed.printed()).join('\n')
      for (const word of ['Lindqvist', 'eyJ', 'UnhandledPromise', 'Warning']) {
        assert.ok(!log.includes(word), `${word} is in ${log.slice(-3000)}`)
      }
    })
  })
}

describe('other properties of a message', () => {
  it('never stop Node-RED, and those that are too large to be stored are reported once', async () => {
    const world = await startWorld()
    const { nodeRed } = world
    try {
      // No Catch and no Complete node: Node-RED would clone the message for them.
      const flow = world
        .flow({ queue: 'disk' })
        .filter(({ id }) => !['catch', 'complete'].includes(id))
        .map((node) => {
          if (node.id === 'in') return { ...node, wires: [['hostile']] }
          return node.id === 'out' ? { ...node, wires: [['strip'], []] } : node
        })
      await nodeRed.deploy([
        ...flow,
        {
          ...{ id: 'hostile', type: 'function', z: 'tab', wires: [['out']] },
          func: `msg.holes = []; msg.holes[1.1e8] = 1
            msg.proxy = new Proxy([], { get: (from, name) => (name === 'length' ? 1e9 : 1) })
            msg.floats = new Float64Array(1e6)
            msg.boxed = new String('x'.repeat(5e6))
            let deep = (msg['deep\\n' + 'n'.repeat(500)] = {})
            for (let level = 0; level < 1e5; level++) deep = deep.in = {}
            return msg`
        },
        {
          ...{ id: 'strip', type: 'function', z: 'tab', wires: [['ack']] },
          func: `return { payload: msg.payload, holes: msg.holes.length, proxy: msg.proxy.length,
            floats: msg.floats.length, boxed: msg.boxed.length }`
        }
      ])
      for (const id of ['HELD1', 'HELD2']) await nodeRed.inject('in', { payload: adt(id) })
      for (const msg of await nodeRed.waitForMessages('ack', 2)) {
        const { holes, proxy, floats, boxed } = msg
        assert.deepEqual([holes, proxy, floats, boxed], [1.1e8 + 1, 1e9, 1e6, 5e6])
      }
      const named = (await nodeRed.printed()).flatMap(
        (line) => /msg\.\S+ is not stored/.exec(line) ?? []
      )
      assert.equal(named.length, 2, named.join())
      assert.equal(named[0], 'msg.holes is not stored')
      assert.match(named[1] ?? '', /^msg\.deep\?n{70,80}… is not stored$/)
    } finally {
      await world.close()
    }
  })
})
