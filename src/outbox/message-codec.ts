import { types } from 'node:util'

/** Deeper than this no message is looked into. */
const MOST_LEVELS = 64
/** What a value takes beside its text or bytes. */
const VALUE_BYTES = 32
/** Objects and arrays that a message may consist of, to count as one that JSON carries well. */
const MOST_PARTS_CLEAN = 50_000
/** Objects and arrays that are stored at all; what comes after is left out. */
const MOST_PARTS = 1_000_000
/** Longer strings are stored beside the JSON text, which would escape and copy them. */
const LONG_TEXT = 64 * 1024
/** First byte of a message with parts beside its JSON text; a JSON text begins with `{`. */
const WITH_PARTS = 1
const HEADER_BYTES = 5

/** Something that stands beside the JSON text, for the `null` at that path in it. */
type Part =
  | { path: (string | number)[]; kind: 'bytes' | 'text'; length: number }
  | { path: (string | number)[]; kind: 'date'; time: number }

/**
 * The memory that a message takes, in bytes and roughly, if `decodeMessage(encodeMessage(msg))` gives
 * the same message; else `Infinity`. The same come plain objects, arrays, strings, finite numbers,
 * booleans, `null`, Buffers and valid Dates; also those made in another context, such as a Function
 * node's. A property that is `undefined` counts as absent. Not the same come functions, symbols,
 * bigints, instances of classes (streams, `req`, `res`), cycles, `undefined` or holes in arrays, and
 * what is deeper than 64 levels or has more than 50 000 objects.
 */
export function storableSize(msg: object): number {
  const sum = { parts: 0, bytes: 0 }
  return isClean(msg, 0, sum) ? sum.bytes : Number.POSITIVE_INFINITY
}

/**
 * The message as bytes: JSON with Buffers (any Uint8Array) and Dates kept beside it, addressed by
 * path, so that no property of the user's can be mistaken for one. What JSON cannot carry is left
 * out without an error: functions, symbols, bigints, streams and other event emitters, cycles,
 * accessors and proxies that throw, and properties named `__proto__`. Other instances of classes are stored as
 * JSON stores them (`toJSON`, or their own properties).
 */
export function encodeMessage(msg: object): Buffer {
  const encoder = new Encoder()
  const root = encoder.copy(msg, 0)
  const { parts, sections } = encoder
  const plain = isObject(root) && !Array.isArray(root) ? root : {}
  if (parts.length === 0) return Buffer.from(JSON.stringify(plain), 'utf8')
  const head = Buffer.from(JSON.stringify({ message: plain, parts }), 'utf8')
  const size = sections.reduce((sum, { length }) => sum + length, HEADER_BYTES + head.length)
  // Not from the pool: a long message can then be handed to another thread.
  const all = Buffer.from(new ArrayBuffer(size))
  all[0] = WITH_PARTS
  all.writeUInt32BE(head.length, 1)
  head.copy(all, HEADER_BYTES)
  let at = HEADER_BYTES + head.length
  for (const section of sections) {
    if (typeof section.data === 'string') all.write(section.data, at, 'utf8')
    else all.set(section.data, at)
    at += section.length
  }
  return all
}

/**
 * The message that `encodeMessage` was given. Its Buffers are views of `bytes`.
 *
 * @throws {SyntaxError} when the bytes are not from `encodeMessage`
 */
export function decodeMessage(bytes: Buffer): Record<string, unknown> {
  if (bytes[0] !== WITH_PARTS) return asMessage(JSON.parse(bytes.toString('utf8')))
  const textEnd = HEADER_BYTES + bytes.readUInt32BE(1)
  const head = asMessage(JSON.parse(bytes.toString('utf8', HEADER_BYTES, textEnd)))
  const message = asMessage(head['message'])
  let at = textEnd
  for (const part of head['parts'] as Part[]) {
    if (part.kind === 'date') {
      put(message, part.path, new Date(part.time))
      continue
    }
    const section = bytes.subarray(at, at + part.length)
    at += part.length
    put(message, part.path, part.kind === 'text' ? section.toString('utf8') : section)
  }
  return message
}

function isClean(value: unknown, level: number, sum: { parts: number; bytes: number }): boolean {
  sum.bytes += VALUE_BYTES
  switch (typeof value) {
    case 'string':
      sum.bytes += value.length
      return true
    case 'boolean':
      return true
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0)
    case 'object':
      break
    default:
      return false
  }
  if (value === null) return true
  if (types.isUint8Array(value)) {
    sum.bytes += value.length
    return true
  }
  if (types.isDate(value)) return !Number.isNaN(value.getTime())
  if (level >= MOST_LEVELS || ++sum.parts > MOST_PARTS_CLEAN) return false
  if (Array.isArray(value)) {
    // Indexed: a hole reads as undefined, which is not clean; further properties would get lost.
    for (let i = 0; i < value.length; i++) {
      if (!isClean(value[i], level + 1, sum)) return false
    }
    return Object.keys(value).length === value.length
  }
  if (!isPlain(value) || Object.getOwnPropertySymbols(value).length > 0) return false
  for (const name of Object.getOwnPropertyNames(value)) {
    const property = Object.getOwnPropertyDescriptor(value, name)
    if (property?.enumerable !== true || !('value' in property)) return false
    // Read from the descriptor: a property of that name is not the prototype.
    if (name === '__proto__' || name === 'toJSON') return false
    if (property.value !== undefined && !isClean(property.value, level + 1, sum)) return false
  }
  return true
}

/** Also of another context, whose `Object.prototype` is another one. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

class Encoder {
  readonly parts: Part[] = []
  readonly sections: { data: string | Uint8Array; length: number }[] = []
  readonly #path: (string | number)[] = []
  readonly #above: object[] = []
  #left = MOST_PARTS

  /** A copy that JSON carries; undefined for what is left out. */
  copy(value: unknown, level: number): unknown {
    switch (typeof value) {
      case 'string':
        return value.length > LONG_TEXT && value.isWellFormed()
          ? this.#aside('text', value, Buffer.byteLength(value, 'utf8'))
          : value
      case 'boolean':
      case 'number':
        return value
      case 'object':
        break
      default:
        return undefined
    }
    if (value === null) return null
    if (types.isUint8Array(value)) return this.#aside('bytes', value, value.length)
    if (types.isDate(value)) return this.#date(value.getTime())
    if (level >= MOST_LEVELS || --this.#left < 0 || this.#above.includes(value)) return undefined
    // Throws for a proxy that was revoked.
    const isArray = attempt(() => Array.isArray(value))
    if (isArray === undefined) return undefined
    this.#above.push(value)
    const copy = isArray ? this.#array(value as unknown[], level) : this.#object(value, level)
    this.#above.pop()
    return copy
  }

  #array(value: readonly unknown[], level: number): unknown[] {
    const copy: unknown[] = []
    const length = attempt(() => value.length) ?? 0
    for (let i = 0; i < length; i++) {
      this.#path.push(i)
      const item = attempt(() => value[i])
      copy.push(this.copy(item, level + 1) ?? null)
      this.#path.pop()
    }
    return copy
  }

  #object(value: object, level: number): unknown {
    if (attempt(() => isPlain(value)) !== true) {
      if (typeof attempt(() => (value as { emit?: unknown }).emit) === 'function') return undefined
      const toJson = attempt(() => (value as { toJSON?: unknown }).toJSON)
      if (typeof toJson === 'function') {
        const json = attempt(() => (value as { toJSON: () => unknown }).toJSON())
        return json === value ? undefined : this.copy(json, level + 1)
      }
    }
    const copy: Record<string, unknown> = {}
    for (const name of attempt(() => Object.keys(value)) ?? []) {
      if (name === '__proto__') continue
      this.#path.push(name)
      const inner = this.copy(
        attempt(() => (value as Record<string, unknown>)[name]),
        level + 1
      )
      // A function of that name would be gone; a value of that name must not act as one.
      if (inner !== undefined) copy[name] = inner
      this.#path.pop()
    }
    return copy
  }

  #date(time: number): null {
    if (!Number.isNaN(time)) this.parts.push({ path: [...this.#path], kind: 'date', time })
    return null
  }

  #aside(kind: 'bytes' | 'text', data: string | Uint8Array, length: number): null {
    this.parts.push({ path: [...this.#path], kind, length })
    this.sections.push({ data, length })
    return null
  }
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

function put(message: object, path: readonly (string | number)[], value: unknown): void {
  let target: unknown = message
  for (const step of path.slice(0, -1)) target = own(target, step)
  const last = path.at(-1)
  if (last === undefined || !isObject(target) || !Object.hasOwn(target, last)) throw broken()
  ;(target as Record<string | number, unknown>)[last] = value
}

function own(target: unknown, step: string | number): unknown {
  if (!isObject(target) || !Object.hasOwn(target, step)) throw broken()
  return (target as Record<string | number, unknown>)[step]
}

function asMessage(value: unknown): Record<string, unknown> {
  if (!isObject(value) || Array.isArray(value)) throw broken()
  return value as Record<string, unknown>
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function broken(): SyntaxError {
  return new SyntaxError('These bytes are not a stored message.')
}
