import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { describe, it } from 'node:test'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { decodeMessage, encodeMessage } from '../../src/outbox/message-codec.ts'

const isWhole = (msg: object): boolean => encodeMessage(msg).whole
const roundTrip = (msg: object): Record<string, unknown> => decodeMessage(encodeMessage(msg).bytes)

/** A message as stored by 0.1.0. */
const STORED_BY_0_1_0 =
  'AQAAAM57Im1lc3NhZ2UiOnsiX21zZ2lkIjoiYTEiLCJwYXlsb2FkIjoiTVNIfF5+XFwmfMOpIiwibGlzdCI6WzEsbnVsbCx7' +
  'IndoZW4iOm51bGx9LG51bGxdLCJ0b0pTT04iOiJ4In0sInBhcnRzIjpbeyJwYXRoIjpbImxpc3QiLDIsIndoZW4iXSwia2lu' +
  'ZCI6ImRhdGUiLCJ0aW1lIjo1fSx7InBhdGgiOlsibGlzdCIsM10sImtpbmQiOiJieXRlcyIsImxlbmd0aCI6Mn1dfQD/'

describe('encodeMessage and decodeMessage', () => {
  it('restore every message that counts as whole', () => {
    const leaf = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.boolean(),
      fc.constant(null),
      fc.double({ noNaN: true, noDefaultInfinity: true }).filter((n) => !Object.is(n, -0)),
      fc.date({ noInvalidDate: true }),
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

  it('keep Buffers as Buffers and Dates as Dates, wherever they are', () => {
    const msg = {
      payload: Buffer.from([0, 255, 0x7b]),
      parts: [{ at: new Date(5), path: ['payload'], kind: 'bytes', length: 3 }, Buffer.alloc(0)],
      like: { type: 'Buffer', data: [1, 2] },
      text: '2026-01-01T00:00:00.000Z'
    }
    assert.ok(isWhole(msg))
    const back = roundTrip(msg)
    assert.deepStrictEqual(back, msg)
    assert.ok(Buffer.isBuffer(back['payload']))
  })

  it('keep text of any length and kind', () => {
    for (const sign of ['x', 'é', '€', '😀', '\ud800', '\r"\\']) {
      const msg = { payload: sign.repeat(70_000), after: Buffer.from('end') }
      assert.deepStrictEqual(roundTrip(msg), msg, JSON.stringify(sign))
    }
  })

  it('leave out what JSON cannot carry, without an error', () => {
    const stream = new PassThrough()
    const msg: Record<string, unknown> = {
      payload: 'MSH|',
      ack: () => undefined,
      symbol: Symbol('s'),
      big: 10n,
      req: stream,
      list: [1, () => 2, undefined, 3],
      nothing: undefined,
      notANumber: NaN,
      url: new URL('http://localhost/a'),
      get bad() {
        throw new Error('accessor')
      }
    }
    msg['self'] = msg
    assert.equal(isWhole(msg), false)
    assert.deepStrictEqual(roundTrip(msg), {
      payload: 'MSH|',
      list: [1, null, null, 3],
      notANumber: null,
      url: 'http://localhost/a'
    })
    stream.destroy()
  })

  it('ignore a property named __proto__', () => {
    const msg = JSON.parse('{"a":{"__proto__":{"polluted":true},"b":1}}') as object
    assert.equal(isWhole(msg), false)
    const back = roundTrip(msg)
    assert.deepStrictEqual(back, { a: { b: 1 } })
    assert.equal(Object.assign({}, back['a'])['polluted' as never], undefined)
  })

  it('store a shared object in both places, and leave out one that is nested too deep', () => {
    const shared = { bytes: Buffer.from('s') }
    assert.deepStrictEqual(roundTrip({ a: shared, b: shared }), { a: shared, b: shared })
    let deep: Record<string, unknown> = {}
    const top = deep
    for (let i = 0; i < 10_000; i++) deep = deep['in'] = {} as Record<string, unknown>
    assert.equal(isWhole(top), false)
    assert.deepEqual(encodeMessage({ top, payload: 'MSH' }).leftOut, ['top'])
    assert.deepEqual(roundTrip({ top, payload: 'MSH' }), { payload: 'MSH' })
  })

  it('copy a long Buffer once', () => {
    const payload = Buffer.alloc(50 * 1024 * 1024, 1)
    const before = process.memoryUsage().arrayBuffers
    const { bytes } = encodeMessage({ payload })
    assert.ok(bytes.length < payload.length + 1000)
    assert.ok(process.memoryUsage().arrayBuffers - before < 1.1 * payload.length)
    const back = decodeMessage(bytes)['payload'] as Buffer
    assert.equal(back.buffer, bytes.buffer)
    assert.ok(back.equals(payload))
  })

  it('restore what 0.1.0 stored', () => {
    assert.deepStrictEqual(decodeMessage(Buffer.from(STORED_BY_0_1_0, 'base64')), {
      _msgid: 'a1',
      payload: 'MSH|^~\\&|é',
      list: [1, null, { when: new Date(5) }, Buffer.from([0, 255])],
      toJSON: 'x'
    })
    assert.deepStrictEqual(decodeMessage(Buffer.from('{"payload":"MSH"}')), { payload: 'MSH' })
  })

  it('keep the type of every buffer and view, and store only the part of memory that it shows', () => {
    const memory = Uint8Array.from({ length: 32 }, (_, index) => index).buffer
    const shared = new SharedArrayBuffer(4)
    new Uint8Array(shared).fill(7)
    const laidOver = Object.defineProperty(Buffer.from('abc'), 'length', { value: 1e12 })
    const msg = {
      views: [
        new DataView(memory, 3, 5),
        ...[Int8Array, Uint8Array, Uint8ClampedArray].map((view) => new view(memory, 3, 5)),
        ...[Int16Array, Uint16Array].map((view) => new view(memory, 2, 3)),
        ...[Int32Array, Uint32Array, Float32Array].map((view) => new view(memory, 4, 2)),
        ...[BigInt64Array, BigUint64Array, Float64Array].map((view) => new view(memory, 8, 2))
      ],
      memory,
      foreign: runInNewContext('new Float64Array([1.5])') as unknown,
      empty: new Float64Array(0)
    }
    const back = roundTrip(msg)
    assert.deepStrictEqual(back, { ...msg, foreign: new Float64Array([1.5]) })
    assert.equal((back['views'] as DataView[])[0]?.getUint8(0), 3)
    assert.ok(isWhole(msg))
    assert.deepStrictEqual(roundTrip({ shared, laidOver }), {
      shared,
      laidOver: Buffer.from('abc')
    })
  })

  it('survive memory that was transferred away, before or while they read it', () => {
    const gone = new Float64Array(4)
    structuredClone(gone.buffer, { transfer: [gone.buffer] })
    const going = Buffer.from(new ArrayBuffer(4))
    const msg = {
      gone,
      going,
      get thief() {
        structuredClone(going.buffer, { transfer: [going.buffer] })
        return 'x'
      },
      payload: 'MSH'
    }
    assert.deepStrictEqual(roundTrip(msg), {
      going: Buffer.alloc(4),
      thief: 'x',
      payload: 'MSH'
    })
  })

  it('store boxed values as primitives', () => {
    const text = Object.setPrototypeOf(new String('x'.repeat(100_000)), Object.prototype) as object
    const boxed = { text, word: new String('a'), one: new Number(1), no: new Boolean(false) }
    assert.deepStrictEqual(roundTrip({ ...boxed, big: Object(1n) as unknown }), {
      ...{ text: 'x'.repeat(100_000), word: 'a', one: 1, no: false }
    })
  })

  it('leave out properties that are too large, and store all others', () => {
    const sparse: unknown[] = []
    sparse[1.1e8] = 1
    let graph: object = {}
    for (let level = 0; level < 60; level++) graph = { a: graph, b: graph }
    let read = 0
    const endless = (): object => ({
      get more() {
        read++
        return [endless(), endless()]
      }
    })
    const longName = 'n'.repeat(1_000_000)
    const tooMuch: Record<string, unknown> = {
      sparse,
      graph,
      endless: endless(),
      numbers: new Array(200_000).fill(1),
      empties: Array.from({ length: 1000 }, () => Array.from({ length: 1000 }, () => [])),
      made: new (class {
        toJSON(): unknown {
          return sparse
        }
      })(),
      // The path to each buffer would contain the name.
      named: { [longName]: Array.from({ length: 1000 }, () => Buffer.of(1)) }
    }
    const rest = {
      payload: 'MSH',
      headers: { a: ['1'], bytes: Buffer.of(2), when: new Date(3) },
      floats: new Float64Array(100_000)
    }
    for (const [name, value] of Object.entries(tooMuch)) {
      const { bytes, whole, leftOut } = encodeMessage({ [name]: value, ...rest })
      assert.deepEqual([leftOut, whole], [[name], false])
      assert.deepStrictEqual(decodeMessage(bytes), rest, name)
    }
    assert.ok(read < 1000, `accessors were read ${read} times`)
    const { bytes, leftOut } = encodeMessage({ ...tooMuch, ...rest })
    assert.deepEqual(leftOut, Object.keys(tooMuch))
    assert.deepStrictEqual(decodeMessage(bytes), rest)
    // Whatever uses up the space, there is some for the payload.
    const graphs = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`graph${i}`, graph]))
    for (const payload of [Buffer.alloc(1_000_000), 'x'.repeat(1_000_000)]) {
      assert.deepStrictEqual(roundTrip({ ...graphs, payload }), { payload })
    }
  })

  it('count a value in many places as often as it is stored', () => {
    const bytes = Buffer.alloc(10_000_000)
    const text = 'x'.repeat(60_000)
    const named = { [text]: 1 }
    for (const value of [bytes, text, named]) {
      const { leftOut } = encodeMessage({ many: new Array(90_000).fill(value), payload: 'MSH' })
      assert.deepEqual(leftOut, ['many'])
    }
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
    const msg = {
      list: new Proxy([], handler),
      object: new Proxy({}, handler),
      heir: Object.setPrototypeOf({ own: 1 }, new Proxy({}, handler)) as unknown,
      payload: 'MSH'
    }
    assert.deepStrictEqual(roundTrip(msg), { heir: { own: 1 }, payload: 'MSH' })
    // For the last one, which inherits from a proxy: `emit` and `toJSON`.
    assert.equal(asked, 2)
  })

  it('store only what is sent if the message has too many properties or is a proxy', () => {
    const wide: Record<string, unknown> = { _msgid: 'a' }
    for (let i = 0; i < 300_000; i++) wide[`p${i}`] = 1
    wide['payload'] = 'MSH'
    const proxy = new Proxy(
      { _msgid: 'a', payload: 'MSH' },
      {
        ownKeys: () => {
          throw new Error('ownKeys')
        }
      }
    )
    for (const msg of [wide, proxy]) {
      assert.deepEqual(encodeMessage(msg).leftOut, ['*'])
      assert.equal(isWhole(msg), false)
      assert.deepStrictEqual(roundTrip(msg), { _msgid: 'a', payload: 'MSH' })
    }
  })

  it('reject bytes that are not a message', () => {
    for (const text of ['', '1', '[]', 'null', '\u0001\u0000\u0000\u0000\u0002{}']) {
      assert.throws(() => decodeMessage(Buffer.from(text, 'latin1')), SyntaxError)
    }
  })
})

describe('whether a message is whole', () => {
  it('accepts an object that a Function node made in its own context', () => {
    const msg = runInNewContext(
      '({ payload: "x", list: [{ at: new Date(1) }], none: undefined })',
      {
        Buffer
      }
    ) as object
    assert.ok(isWhole(msg))
  })

  it('rejects class instances, cycles, holes and values that JSON would change', () => {
    class Patient {
      name = 'x'
    }
    const cycle: Record<string, unknown> = {}
    cycle['in'] = { cycle }
    const list = Object.assign([1], { extra: 1 })
    const { length } = { length: 3 }
    const refused: Record<string, unknown> = {
      function: () => 1,
      instance: new Patient(),
      map: new Map(),
      error: new Error('x'),
      cycle,
      hole: new Array(length),
      undefinedInArray: [undefined],
      extra: list,
      nan: NaN,
      infinity: Infinity,
      minusZero: -0,
      invalidDate: new Date(NaN),
      symbolKey: { [Symbol('s')]: 1 },
      shared: new SharedArrayBuffer(2),
      boxed: new Number(1),
      proxy: new Proxy({}, {}),
      inherited: Object.create({ a: 1 })
    }
    for (const [name, value] of Object.entries(refused)) {
      assert.equal(isWhole({ value }), false, name)
    }
  })

  it('leaves out proxies, and keeps everything else', () => {
    const revoked = Proxy.revocable({}, {})
    revoked.revoke()
    const throwing = (target: object): object =>
      new Proxy(target, {
        get: () => {
          throw new Error('get')
        },
        getPrototypeOf: () => {
          throw new Error('prototype')
        }
      })
    const msg = { a: revoked.proxy, b: throwing({ c: 1 }), d: throwing([1]), e: [revoked.proxy, 2] }
    assert.deepEqual(roundTrip({ ...msg, payload: 'MSH' }), { e: [null, 2], payload: 'MSH' })
  })
})
