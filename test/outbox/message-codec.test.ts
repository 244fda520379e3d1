import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { describe, it } from 'node:test'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { decodeMessage, encodeMessage, storableSize } from '../../src/outbox/message-codec.ts'

const roundTrip = (msg: object): Record<string, unknown> => decodeMessage(encodeMessage(msg))

describe('encodeMessage and decodeMessage', () => {
  it('give back every message that counts as clean', () => {
    const leaf = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.boolean(),
      fc.constant(null),
      fc.double({ noNaN: true, noDefaultInfinity: true }).filter((n) => !Object.is(n, -0)),
      fc.date({ noInvalidDate: true }),
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes))
    )
    const key = fc.oneof(
      // JSON.parse of Node.js 24 reads the name `"` as `\\` where an object with that name came before.
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
          fc.pre(storableSize(msg) < Infinity)
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
    assert.ok(storableSize(msg) < Infinity)
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
    assert.equal(storableSize(msg), Infinity)
    assert.deepStrictEqual(roundTrip(msg), {
      payload: 'MSH|',
      list: [1, null, null, 3],
      notANumber: null,
      url: 'http://localhost/a'
    })
    stream.destroy()
  })

  it('make nothing of a property named __proto__', () => {
    const msg = JSON.parse('{"a":{"__proto__":{"polluted":true},"b":1}}') as object
    assert.equal(storableSize(msg), Infinity)
    const back = roundTrip(msg)
    assert.deepStrictEqual(back, { a: { b: 1 } })
    assert.equal(Object.assign({}, back['a'])['polluted' as never], undefined)
  })

  it('store what is shared at both places, and end with what is nested without end', () => {
    const shared = { bytes: Buffer.from('s') }
    assert.deepStrictEqual(roundTrip({ a: shared, b: shared }), { a: shared, b: shared })
    let deep: Record<string, unknown> = {}
    const top = deep
    for (let i = 0; i < 10_000; i++) deep = deep['in'] = {} as Record<string, unknown>
    assert.equal(storableSize(top), Infinity)
    assert.ok(encodeMessage(top).length < 1000)
  })

  it('copy a long Buffer once', () => {
    const payload = Buffer.alloc(50 * 1024 * 1024, 1)
    const before = process.memoryUsage().arrayBuffers
    const bytes = encodeMessage({ payload })
    assert.ok(bytes.length < payload.length + 1000)
    assert.ok(process.memoryUsage().arrayBuffers - before < 1.1 * payload.length)
    const back = decodeMessage(bytes)['payload'] as Buffer
    assert.equal(back.buffer, bytes.buffer)
    assert.ok(back.equals(payload))
  })

  it('refuse bytes that are no message', () => {
    for (const text of ['', '1', '[]', 'null', '\u0001\u0000\u0000\u0000\u0002{}']) {
      assert.throws(() => decodeMessage(Buffer.from(text, 'latin1')), SyntaxError)
    }
  })
})

describe('storableSize', () => {
  it('counts texts and Buffers wherever they are', () => {
    const document = { pages: ['x'.repeat(1000), Buffer.alloc(2000)] }
    const size = storableSize({ payload: 'y'.repeat(3000), document })
    assert.ok(size >= 6000 && size < 6500, String(size))
  })

  it('accepts what a Function node makes in its own context', () => {
    const msg = runInNewContext(
      '({ payload: "x", list: [{ at: new Date(1) }], none: undefined })',
      {
        Buffer
      }
    ) as object
    assert.ok(storableSize(msg) < Infinity)
  })

  it('refuses instances of classes, cycles, holes and what changes on its way through JSON', () => {
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
      floats: new Float64Array(2),
      inherited: Object.create({ a: 1 })
    }
    for (const [name, value] of Object.entries(refused)) {
      assert.equal(storableSize({ value }), Infinity, name)
    }
  })

  it('leaves out proxies that throw, and keeps what stands beside them', () => {
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
    const { a, d, e } = decodeMessage(encodeMessage({ ...msg, payload: 'MSH' }))
    assert.deepEqual([a, d, e], [undefined, [], [null, 2]])
  })
})
