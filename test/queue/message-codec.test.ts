import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { describe, it } from 'node:test'
import { serialize } from 'node:v8'
import { createContext, runInContext, runInNewContext } from 'node:vm'
import { decodeMessage, encodeMessage } from '../../src/queue/message-codec.ts'
import fc from '../support/properties.ts'

const isWhole = (msg: object): boolean => encodeMessage(msg).whole
const roundTrip = (msg: object): Record<string, unknown> => decodeMessage(encodeMessage(msg).bytes)

/** First bytes of what is stored. */
const JSON_START = 0x7b
const V8_START = 0xff

describe('encodeMessage and decodeMessage', () => {
  it('restore every message that counts as whole', () => {
    const shared = { list: [1], bytes: Buffer.from('shared') }
    const leaf = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.boolean(),
      fc.constantFrom(null, shared, shared.bytes),
      fc.double(),
      fc.date(),
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
      fc.uint8Array({ maxLength: 40 }).map((bytes) => bytes.buffer),
      fc.oneof(
        fc.uint8Array({ maxLength: 40 }),
        fc.uint8ClampedArray({ maxLength: 9 }),
        fc.int16Array({ maxLength: 9 }),
        fc.float32Array({ maxLength: 9 }),
        fc.float64Array({ maxLength: 9 }),
        fc.bigUint64Array({ maxLength: 9 })
      )
    )
    const key = fc.oneof(
      // JSON.parse of Node.js 24 reads the name `"` as `\\` after an object with that name.
      fc.string().filter((name) => !name.includes('\\')),
      fc.constantFrom('parts', 'message', 'kind', 'path', 'constructor', 'length', '0')
    )
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small' },
        leaf,
        fc.array(tie('tree'), { maxLength: 5 }),
        fc.dictionary(key, tie('tree'), { maxKeys: 5, noNullPrototype: true })
      )
    }))
    fc.assert(
      fc.property(
        fc.dictionary(
          key.filter((k) => k !== '__proto__'),
          tree,
          { noNullPrototype: true }
        ),
        (msg) => {
          fc.pre(isWhole(msg))
          assert.deepStrictEqual(roundTrip(msg), msg)
        }
      ),
      { numRuns: 500 }
    )
  })

  const stored: { what: string; msg: object; start: number }[] = [
    { what: 'HL7 text', msg: { payload: 'MSH|^~\\&|é€', topic: 'ward' }, start: JSON_START },
    { what: 'objects and lists', msg: { a: [1.5, null, { b: true }] }, start: JSON_START },
    { what: 'a Buffer', msg: { payload: Buffer.from([0, 255, 0x7b]) }, start: V8_START },
    { what: 'an empty Buffer', msg: { payload: Buffer.alloc(0) }, start: V8_START },
    { what: 'a Date', msg: { headers: [{ at: new Date(5) }] }, start: V8_START },
    { what: 'an invalid Date', msg: { at: new Date(NaN) }, start: V8_START },
    { what: 'what a Buffer is in JSON', msg: { type: 'Buffer', data: [1] }, start: JSON_START },
    { what: 'NaN', msg: { list: [NaN] }, start: V8_START },
    { what: 'an infinite number', msg: { at: -Infinity }, start: V8_START },
    { what: 'minus zero', msg: { at: -0 }, start: V8_START },
    { what: 'undefined in a list', msg: { list: [1, undefined] }, start: V8_START },
    { what: 'an object twice', msg: { list: new Array(2).fill({ a: 1 }) }, start: V8_START },
    { what: 'a property toJSON', msg: { a: { toJSON: 'x' } }, start: JSON_START },
    ...['x', 'é', '€', '😀', '\ud800', '\r"\\'].flatMap((sign) => [
      { what: `a text of ${JSON.stringify(sign)}`, msg: { payload: sign }, start: JSON_START },
      { what: 'a long one', msg: { payload: sign.repeat(70_000) }, start: V8_START }
    ])
  ]
  for (const { what, msg, start } of stored) {
    it(`keep ${what}`, () => {
      const { bytes, whole, leftOut } = encodeMessage(msg)
      assert.deepEqual([bytes[0], whole, leftOut], [start, true, []])
      assert.deepStrictEqual(decodeMessage(bytes), msg)
    })
  }

  it('keep an object without a prototype, as one with the usual one', () => {
    const bare = Object.assign(Object.create(null) as object, { a: 1 })
    assert.ok(isWhole({ bare }))
    assert.deepStrictEqual(roundTrip({ bare }), { bare: { a: 1 } })
  })

  it('keep an object in several places, and one within itself, as one', () => {
    const shared = { bytes: Buffer.from('s') }
    const msg: Record<string, unknown> = { a: shared, b: [shared, shared.bytes] }
    msg['self'] = { msg }
    assert.ok(isWhole(msg))
    const back = roundTrip(msg) as {
      a: typeof shared
      b: [typeof shared, Buffer]
      self: { msg: unknown }
    }
    assert.deepStrictEqual(back, msg)
    assert.equal(back.b[0], back.a)
    assert.equal(back.b[1], back.a.bytes)
    assert.equal(back.self.msg, back)
  })

  it('leave out what cannot be stored, without an error', () => {
    const stream = new PassThrough()
    const msg = {
      payload: 'MSH|',
      ack: () => undefined,
      symbol: Symbol('s'),
      big: 10n,
      req: stream,
      list: [1, () => 2, stream, 3],
      nothing: undefined,
      url: new URL('http://localhost/a'),
      get bad() {
        throw new Error('accessor')
      },
      failing: new (class {
        toJSON() {
          throw new Error('toJSON')
        }
      })()
    }
    const { bytes, whole, leftOut } = encodeMessage(msg)
    assert.deepEqual([whole, leftOut], [false, []])
    assert.deepStrictEqual(decodeMessage(bytes), {
      payload: 'MSH|',
      list: [1, undefined, undefined, 3],
      url: 'http://localhost/a'
    })
    stream.destroy()
  })

  it('store instances of classes as JSON does', () => {
    class Patient {
      name = 'x'
      get initial() {
        return this.name[0]
      }
    }
    class Itself {
      a = 1
      toJSON() {
        return this
      }
    }
    const msg = {
      patient: new Patient(),
      itself: new Itself(),
      map: new Map([[1, 2]]),
      error: new Error('x'),
      shared: new SharedArrayBuffer(2),
      word: new String('a'),
      one: new Number(1),
      no: new Boolean(false)
    }
    assert.deepStrictEqual(roundTrip(msg), JSON.parse(JSON.stringify(msg)))
  })

  it('ignore a property named __proto__', () => {
    for (const more of ['1', '"2026-01-01"']) {
      const msg = JSON.parse(`{"a":{"__proto__":{"polluted":true},"b":${more}}}`) as object
      assert.equal(isWhole(msg), false)
      for (const back of [roundTrip(msg), roundTrip({ ...msg, at: new Date(0) })]) {
        assert.deepStrictEqual(back['a'], { b: JSON.parse(more) as unknown })
        assert.equal((back['a'] as Record<string, unknown>)['polluted'], undefined)
      }
    }
  })

  it('keep the type of every buffer and view, and store only the part of memory that it shows', () => {
    const secret = Buffer.from('a secret in the same memory; some text; a secret behind it')
    const memory = secret.buffer.slice(secret.byteOffset, secret.byteOffset + secret.length)
    const shared = new SharedArrayBuffer(memory.byteLength)
    new Uint8Array(shared).set(new Uint8Array(memory))
    const views = [
      secret.subarray(29, 38),
      Buffer.from(shared, 29, 9),
      new Uint8Array(shared, 29, 9),
      new DataView(memory, 29, 9),
      ...[Int8Array, Uint8Array, Uint8ClampedArray].map((view) => new view(memory, 29, 9)),
      ...[Int16Array, Uint16Array].map((view) => new view(memory, 30, 4)),
      ...[Int32Array, Uint32Array, Float32Array].map((view) => new view(memory, 32, 1)),
      ...[BigInt64Array, BigUint64Array].map((view) => new view(memory.slice(29, 37), 0, 1)),
      new Float64Array(memory.slice(29, 37)),
      new Float64Array(0)
    ]
    const { bytes, whole } = encodeMessage({ views, memory: memory.slice(29, 38) })
    assert.ok(whole)
    assert.doesNotMatch(bytes.toString('latin1'), /secret/)
    const back = decodeMessage(bytes) as { views: typeof views; memory: ArrayBuffer }
    assert.deepStrictEqual(back, { views, memory: memory.slice(29, 38) })
    for (const view of back.views.filter((view) => !Buffer.isBuffer(view))) {
      assert.equal(view.buffer.byteLength, view.byteLength)
    }
  })

  it('keep what a Function node made in its own context', () => {
    const context = createContext({ Buffer })
    const script =
      '({ payload: "x", list: [{ at: new Date(1) }], floats: new Float64Array([1.5]), memory: new ArrayBuffer(2), bytes: Buffer.from("b") })'
    const msg = runInContext(script, context) as object
    assert.ok(isWhole(msg))
    assert.deepStrictEqual(roundTrip(msg), {
      payload: 'x',
      list: [{ at: new Date(1) }],
      floats: new Float64Array([1.5]),
      memory: new ArrayBuffer(2),
      bytes: Buffer.from('b')
    })
  })

  it('leave out memory that was transferred, and refuse a message that transfers it', () => {
    const gone = new Float64Array(4)
    const { buffer } = gone
    structuredClone(buffer, { transfer: [buffer] })
    assert.equal(isWhole({ gone }), false)
    assert.deepStrictEqual(roundTrip({ gone, buffer, payload: 'MSH' }), { payload: 'MSH' })
    const going = Buffer.from(new ArrayBuffer(4))
    const msg = {
      going,
      get thief() {
        structuredClone(going.buffer, { transfer: [going.buffer] })
        return 'x'
      }
    }
    assert.throws(() => encodeMessage(msg), /cannot be stored/)
  })

  it('refuse a view of an unknown type, without quoting it', () => {
    class Odd extends Uint8Array {
      override get [Symbol.toStringTag](): never {
        return 'Odd' as never
      }
    }
    assert.throws(
      () => encodeMessage({ odd: Odd.of(123) }),
      (error: Error) => /cannot be stored/.test(error.message) && !/123/.test(String(error.cause))
    )
  })

  it('do not look into proxies: they may be endless', () => {
    let asked = 0
    const trap = (): never => {
      asked++
      throw new Error('trap')
    }
    const handler = {
      get: trap,
      ownKeys: trap,
      getPrototypeOf: trap,
      getOwnPropertyDescriptor: trap
    }
    const revoked = Proxy.revocable({}, {})
    revoked.revoke()
    const msg = {
      list: new Proxy([], handler),
      object: new Proxy({}, handler),
      heir: Object.setPrototypeOf({ own: 1 }, new Proxy({}, handler)) as unknown,
      revoked: [revoked.proxy, 2],
      payload: 'MSH'
    }
    assert.deepStrictEqual(roundTrip(msg), {
      heir: { own: 1 },
      revoked: [undefined, 2],
      payload: 'MSH'
    })
    // For the heir: `emit` and `toJSON`.
    assert.equal(asked, 2)
    const { bytes, leftOut } = encodeMessage(new Proxy({ payload: 'MSH' }, handler))
    assert.deepEqual([leftOut, decodeMessage(bytes)], [['*'], {}])
  })

  for (const [what, bytes] of Object.entries({
    'no bytes': '',
    'a number': '1',
    'a list': '[]',
    'half of a JSON text': '{"payload":',
    'no parts': '\u0001\u0000\u0000\u0000\u0002{}',
    'half of a message': encodeMessage({ at: new Date(0) }).bytes.toString('latin1', 0, 9),
    'the format of a later V8': `\u00ff\u007f${serialize({}).toString('latin1', 2)}`
  })) {
    it(`refuse ${what}`, () => {
      assert.throws(() => decodeMessage(Buffer.from(bytes, 'latin1')), Error)
    })
  }
})

describe('what encodeMessage leaves out as a whole', () => {
  const sparse: unknown[] = []
  sparse[1.1e8] = 1
  let deep: object = {}
  for (let level = 0; level < 10_000; level++) deep = { in: deep }
  let read = 0
  const endless = (): object => ({
    get more() {
      read++
      return [endless(), endless()]
    }
  })
  const text = 'x'.repeat(60_000)
  const wide = Object.fromEntries(Array.from({ length: 150_000 }, (_, i) => [`p${i}`, 1]))
  const tooMuch: Record<string, unknown> = {
    sparse,
    deep,
    endless: endless(),
    numbers: new Array(200_000).fill(1),
    empties: Array.from({ length: 1000 }, () => Array.from({ length: 1000 }, () => [])),
    made: new (class {
      toJSON(): unknown {
        return sparse
      }
    })(),
    wide,
    bytes: Buffer.alloc(210_000_000),
    // A text is stored in each place.
    texts: new Array(90_000).fill(text),
    names: Array.from({ length: 40_000 }, () => ({ [text]: 1 }))
  }
  const rest = {
    payload: 'MSH',
    headers: { a: ['1'], bytes: Buffer.of(2), when: new Date(3) },
    floats: new Float64Array(1000)
  }

  for (const [name, value] of Object.entries(tooMuch)) {
    it(`${name}: too much, all others are stored`, () => {
      const { bytes, whole, leftOut } = encodeMessage({ [name]: value, ...rest })
      assert.deepEqual([leftOut, whole], [[name], false])
      assert.deepStrictEqual(decodeMessage(bytes), rest)
    })
  }

  it('several at once', () => {
    read = 0
    const { bytes, leftOut } = encodeMessage({ ...tooMuch, ...rest })
    assert.ok(read < 1000, `accessors were read ${read} times`)
    assert.deepEqual(leftOut, Object.keys(tooMuch))
    assert.deepStrictEqual(decodeMessage(bytes), rest)
  })

  it('not more than 64 levels, nor 100 000 values, nor 200 MB', () => {
    let levels: object = {}
    for (let level = 1; level < 63; level++) levels = { in: levels }
    const msg = { levels, numbers: new Array(50_000).fill(1), bytes: Buffer.alloc(50_000_000) }
    for (const [name, value] of Object.entries(msg)) assert.ok(isWhole({ [name]: value }), name)
    const more = { levels: { in: levels } }
    assert.deepEqual(encodeMessage(more).leftOut, ['levels'])
  })

  it('never the payload, however much there is', () => {
    const many = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`deep${i}`, deep]))
    for (const payload of [Buffer.alloc(210_000_000), 'x'.repeat(210_000_000)]) {
      assert.deepEqual(encodeMessage({ payload }).leftOut, [])
      assert.ok(isWhole({ payload }))
    }
    for (const payload of [Buffer.alloc(1_000_000), 'x'.repeat(1_000_000)]) {
      assert.deepStrictEqual(roundTrip({ ...many, payload }), { payload })
    }
  })

  it('everything but the most important, if there are too many properties', () => {
    const msg: Record<string, unknown> = { _msgid: 'a' }
    for (let i = 0; i < 300_000; i++) msg[`p${i}`] = 1
    msg['payload'] = 'MSH'
    assert.deepEqual(encodeMessage(msg).leftOut, ['*'])
    assert.equal(isWhole(msg), false)
    assert.deepStrictEqual(roundTrip(msg), { _msgid: 'a', payload: 'MSH' })
  })

  it('nothing that is shared, however often: it is stored once', () => {
    const bytes = Buffer.alloc(10_000_000)
    let graph: object = { bytes }
    for (let level = 0; level < 60; level++) graph = { a: graph, b: graph }
    const msg = { graph, many: new Array(90_000).fill(bytes), payload: 'MSH' }
    const encoded = encodeMessage(msg)
    assert.deepEqual([encoded.leftOut, encoded.whole], [[], true])
    assert.ok(encoded.bytes.length < 11_000_000)
    const { many } = decodeMessage(encoded.bytes)
    assert.ok((many as Buffer[])[89_999]?.equals(bytes))
  })

  it('no part of it is missing where another property has it too', () => {
    const shared: Record<string, unknown> = { a: 1 }
    const begun = { shared, deep, after: 1 }
    const msg = { first: { begun }, second: { shared }, third: begun }
    const { bytes, leftOut } = encodeMessage(msg)
    assert.deepEqual(leftOut, ['first', 'third'])
    assert.deepStrictEqual(decodeMessage(bytes), { second: { shared } })
    const parent = { list: [shared, new Array(200_000)] }
    shared['parent'] = parent
    const cyclic = encodeMessage({ first: parent, second: { shared } })
    assert.deepEqual(cyclic.leftOut, ['first', 'second'])
  })

  it('after a few large properties all others, without looking into them', () => {
    let listed = 0
    const msg: Record<string, unknown> = { payload: 'MSH' }
    class Listed {
      toJSON(): unknown {
        listed++
        return wide
      }
    }
    for (let i = 0; i < 100_000; i++) msg[`p${i}`] = new Listed()
    const { bytes, leftOut } = encodeMessage(msg)
    assert.equal(leftOut.length, 100_000)
    assert.ok(listed < 30, `${listed} were listed`)
    assert.deepStrictEqual(decodeMessage(bytes), { payload: 'MSH' })
  })
})

describe('the bytes of a message', () => {
  it('of 256 KiB and more have their own memory', () => {
    for (const msg of [
      { payload: 'x'.repeat(256 * 1024), topic: 't', headers: {} },
      { payload: '€'.repeat(128 * 1024) },
      { payload: Buffer.alloc(256 * 1024), topic: 't' },
      { list: new Array(99_000).fill(1.5) }
    ]) {
      const { bytes } = encodeMessage(msg)
      assert.ok(bytes.length >= 256 * 1024)
      assert.equal(bytes.buffer.byteLength, bytes.length)
      const moved = structuredClone(bytes.buffer, { transfer: [bytes.buffer as ArrayBuffer] })
      assert.deepStrictEqual(decodeMessage(Buffer.from(moved)), msg)
    }
  })

  it('hold a long Buffer once, and its copy is a view of them', () => {
    const payload = Buffer.alloc(50 * 1024 * 1024, 1)
    const before = process.memoryUsage().arrayBuffers
    const { bytes } = encodeMessage({ payload, topic: 't' })
    assert.ok(bytes.length < payload.length + 1000)
    assert.ok(process.memoryUsage().arrayBuffers - before < 1.1 * payload.length)
    const back = decodeMessage(bytes)['payload'] as Buffer
    assert.equal(back.buffer, bytes.buffer)
    assert.ok(back.equals(payload))
  })
})

describe('a message is not whole', () => {
  class Patient {
    name = 'x'
  }
  const { length } = { length: 3 }
  const refused: Record<string, unknown> = {
    function: () => 1,
    instance: new Patient(),
    'instance of another context': runInNewContext('new (class { a = 1 })()') as unknown,
    map: new Map(),
    error: new Error('x'),
    hole: new Array(length),
    'extra property of an array': Object.assign([1], { extra: 1 }),
    'key that is a symbol': { [Symbol('s')]: 1 },
    'hidden property': Object.defineProperty({}, 'a', { value: 1 }),
    accessor: {
      get a() {
        return 1
      }
    },
    bigint: 1n,
    'shared memory': new SharedArrayBuffer(2),
    boxed: new Number(1),
    proxy: new Proxy({}, {}),
    inherited: Object.create({ a: 1 })
  }
  for (const [what, value] of Object.entries(refused)) {
    it(`with ${what}`, () => {
      assert.equal(isWhole({ value }), false)
      assert.equal(isWhole({ list: [{ value }] }), false)
    })
  }

  it('that is itself an instance of a class', () => {
    assert.equal(isWhole(new Patient()), false)
    assert.deepStrictEqual(roundTrip(new Patient()), { name: 'x' })
  })
})
