import { types } from 'node:util'

/** Depth to which a message is inspected. */
const MOST_LEVELS = 64
/**
 * Values inspected in the objects and arrays of one message. Each property of the message may take
 * half of what is left, so that one with too many leaves room for the others.
 */
const MOST_VALUES = 200_000
/**
 * Properties that are stored whatever else the message contains, and alone if it cannot be listed:
 * it has too many, or is a proxy.
 */
const LEAST: unknown[] = ['_msgid', 'topic', 'payload', 'url', 'requestTimeout']
/**
 * This many characters or bytes count as one more value: many places may refer to the same ones.
 */
const VALUE_LENGTH = 2048
/**
 * A part stored beside the JSON text counts as this many values more, and its path by its length.
 */
const PART_VALUES = 2
const PATH_CHARACTERS = 16
/** Longer strings are stored beside the JSON text, which would escape and copy them. */
const LONG_TEXT = 64 * 1024
/** First byte of a message with parts beside its JSON text; a JSON text begins with `{`. */
const WITH_PARTS = 1
const HEADER_BYTES = 5

/** Memory, or a view of it: a Buffer, a typed array, a DataView, an ArrayBuffer. */
type Bytes = ArrayBufferView | ArrayBufferLike

/** Views that bytes are restored as; if this Node.js does not know one, bytes become a Buffer. */
const VIEWS = new Set([
  ...['DataView', 'Int8Array', 'Uint8Array', 'Uint8ClampedArray', 'Int16Array', 'Uint16Array'],
  ...['Int32Array', 'Uint32Array', 'BigInt64Array', 'BigUint64Array'],
  ...['Float16Array', 'Float32Array', 'Float64Array']
])

/** A message as bytes. */
export interface EncodedMessage {
  bytes: Buffer
  /** `decodeMessage` returns the same message. */
  whole: boolean
  /**
   * Properties of the message that are not in `bytes`, because they contain too many values or are
   * too deep; `*` for all but the most important, because the message has too many.
   */
  leftOut: readonly string[]
}

/** Something stored beside the JSON text, for the `null` at that path in it. */
type Part =
  | { path: (string | number)[]; kind: 'bytes'; length: number; type?: string }
  | { path: (string | number)[]; kind: 'text'; length: number }
  | { path: (string | number)[]; kind: 'date'; time: number }

/**
 * The message as bytes: JSON with binary data, Dates and long texts kept beside it, addressed by
 * path, so that no property of the user's can be mistaken for one.
 *
 * Restored unchanged are plain objects, arrays, strings, finite numbers, booleans, `null`, Buffers,
 * typed arrays, ArrayBuffers and valid Dates; also those made in another context, such as a
 * Function node's. A property that is `undefined` counts as absent. Other instances of classes are
 * stored as JSON stores them (`toJSON`, or their own properties), and what JSON cannot represent is
 * left out without an error: functions, symbols, bigints, streams and other event emitters, cycles,
 * accessors that throw, proxies, and properties named `__proto__`.
 *
 * No message takes long: a property that contains more than 100 000 values or 200 MB (less where
 * others take room) or more than 64 levels is left out as a whole.
 *
 * @throws {RangeError} if there is no room for that many bytes
 */
export function encodeMessage(msg: object): EncodedMessage {
  const walk = new Walk()
  const plain = walk.message(msg)
  const { parts, sections, leftOut } = walk
  const whole = walk.clean
  if (parts.length === 0) return { bytes: Buffer.from(JSON.stringify(plain)), whole, leftOut }
  const head = Buffer.from(JSON.stringify({ message: plain, parts }), 'utf8')
  const length = sections.reduce((sum, section) => sum + section.length, HEADER_BYTES + head.length)
  // Not from the pool: a long message can then be transferred to another thread.
  const bytes = Buffer.from(new ArrayBuffer(length))
  bytes[0] = WITH_PARTS
  bytes.writeUInt32BE(head.length, 1)
  head.copy(bytes, HEADER_BYTES)
  let at = HEADER_BYTES + head.length
  for (const { data, length } of sections) {
    if (typeof data === 'string') bytes.write(data, at, 'utf8')
    // An accessor may have detached the memory meanwhile.
    else {
      attempt(() => {
        bytes.set(data, at)
      })
    }
    at += length
  }
  return { bytes, whole, leftOut }
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
    put(message, part.path, part.kind === 'text' ? section.toString('utf8') : asType(section, part))
  }
  return message
}

/** Thrown if a property of the message contains too much. */
const tooMuch = new Error('too much')

/** One walk over a message: the copy that JSON can represent, and whether it is the same. */
class Walk {
  readonly parts: Part[] = []
  readonly sections: { data: string | Uint8Array; length: number }[] = []
  readonly leftOut: string[] = []
  /** Nothing was left out or changed. */
  clean = true
  #left = MOST_VALUES
  readonly #path: (string | number)[] = []
  #pathCharacters = 0
  readonly #above: object[] = []
  #tooWide: Set<object> | undefined

  message(msg: object): Record<string, unknown> {
    const copy: Record<string, unknown> = {}
    const { parts, sections } = this
    this.#above.push(msg)
    for (const name of this.#rootNames(msg)) {
      const partCount = parts.length
      const sectionCount = sections.length
      const kept = this.#left >> 1
      this.#left -= kept
      try {
        this.#property(msg, name, copy, 1)
      } catch (error) {
        if (error !== tooMuch) throw error
        this.clean = false
        this.leftOut.push(name)
        parts.length = partCount
        sections.length = sectionCount
        this.#path.length = this.#pathCharacters = 0
        this.#above.length = 1
      }
      this.#left += kept
    }
    return copy
  }

  /** A copy that JSON can represent; undefined for what is left out. */
  #copy(value: unknown, level: number): unknown {
    switch (typeof value) {
      case 'string':
        this.#takeLength(value.length)
        return value.length > LONG_TEXT && value.isWellFormed() ? this.#text(value) : value
      case 'number':
        if (!Number.isFinite(value) || Object.is(value, -0)) this.clean = false
        return value
      case 'boolean':
      case 'undefined':
        return value
      case 'object':
        return value === null ? null : this.#copyObject(value, level)
      default:
        return this.#without()
    }
  }

  #copyObject(value: object, level: number): unknown {
    // No trap of a proxy is called: its result may be endless.
    if (types.isProxy(value)) return this.#without()
    const isArray = Array.isArray(value)
    if (!isArray) {
      if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) return this.#bytes(value)
      if (types.isDate(value)) return this.#date(Date.prototype.getTime.call(value))
      if (types.isBoxedPrimitive(value)) {
        this.clean = false
        return this.#copy(primitiveOf(value), level)
      }
    }
    if (this.#above.includes(value)) return this.#without()
    if (level >= MOST_LEVELS) throw tooMuch
    this.#above.push(value)
    const copy = isArray ? this.#array(value, level) : this.#object(value, level)
    this.#above.pop()
    return copy
  }

  #array(value: readonly unknown[], level: number): unknown[] {
    const { length } = value
    this.#take(length)
    // Further properties would get lost.
    if (this.clean && Reflect.ownKeys(value).length !== length + 1) this.clean = false
    const copy: unknown[] = []
    for (let i = 0; i < length; i++) {
      this.#path.push(i)
      this.#pathCharacters += 8
      const item = this.#copy(read(value, i), level + 1)
      if (item === undefined) this.clean = false
      copy.push(item ?? null)
      this.#pathCharacters -= 8
      this.#path.pop()
    }
    return copy
  }

  #object(value: object, level: number): unknown {
    if (!isPlain(value)) {
      this.clean = false
      if (typeof read(value, 'emit') === 'function') return undefined
      const toJson = read(value, 'toJSON')
      if (typeof toJson === 'function') {
        const json = attempt<unknown>(() => Reflect.apply(toJson, value, []))
        return json === value ? undefined : this.#copy(json, level + 1)
      }
    }
    const copy: Record<string, unknown> = {}
    // Listing them again would take as long.
    if (this.#tooWide?.has(value) === true) throw tooMuch
    const names = Object.keys(value)
    if (names.length > MOST_VALUES) (this.#tooWide ??= new Set()).add(value)
    this.#take(names.length)
    this.#checkNames(value, names)
    for (const name of names) this.#property(value, name, copy, level + 1)
    return copy
  }

  #rootNames(msg: object): string[] {
    const names = types.isProxy(msg) ? undefined : Object.keys(msg)
    if (names !== undefined && names.length <= MOST_VALUES) {
      if (!isPlain(msg)) this.clean = false
      this.#checkNames(msg, names)
      return names
    }
    this.clean = false
    this.leftOut.push('*')
    return LEAST as string[]
  }

  #checkNames(value: object, names: readonly string[]): void {
    // There are symbols or names that are not enumerable.
    if (this.clean && Reflect.ownKeys(value).length !== names.length) this.clean = false
  }

  #property(from: object, name: string, to: Record<string, unknown>, level: number): void {
    // As JSON.parse reads it, it would be the prototype of whatever it is copied to.
    if (name === '__proto__') {
      this.clean = false
      return
    }
    const property = attempt(() => Object.getOwnPropertyDescriptor(from, name))
    const isData = property !== undefined && 'value' in property
    if (!isData) this.clean = false
    this.#path.push(name)
    this.#pathCharacters += name.length + 3
    this.#takeLength(name.length)
    const value = this.#copy(isData ? property.value : read(from, name), level)
    // A function of that name would be lost; a value of that name must not act as one.
    if (value !== undefined) to[name] = value
    this.#pathCharacters -= name.length + 3
    this.#path.pop()
  }

  #bytes(value: Bytes): unknown {
    const data = attempt(() => bytesOf(value))
    if (data === undefined) return this.#without()
    // Shared with somebody, which no copy is.
    if (types.isSharedArrayBuffer(value)) this.clean = false
    const type = Buffer.isBuffer(value) ? {} : { type: typeOf(value) }
    this.#takeLength(data.length)
    this.#part({ path: [...this.#path], kind: 'bytes', length: data.length, ...type })
    this.sections.push({ data, length: data.length })
    return null
  }

  #text(data: string): null {
    const length = Buffer.byteLength(data, 'utf8')
    this.#part({ path: [...this.#path], kind: 'text', length })
    this.sections.push({ data, length })
    return null
  }

  #date(time: number): null {
    if (Number.isNaN(time)) this.clean = false
    else this.#part({ path: [...this.#path], kind: 'date', time })
    return null
  }

  #part(part: Part): void {
    if (!this.#isNeeded()) {
      this.#take(PART_VALUES + Math.trunc(this.#pathCharacters / PATH_CHARACTERS))
    }
    this.parts.push(part)
  }

  #takeLength(length: number): void {
    if (length >= VALUE_LENGTH && !this.#isNeeded()) this.#take(Math.trunc(length / VALUE_LENGTH))
  }

  #isNeeded(): boolean {
    return this.#path.length === 1 && LEAST.includes(this.#path[0])
  }

  #take(values: number): void {
    if (values > this.#left) throw tooMuch
    this.#left -= values
  }

  #without(): unknown {
    this.clean = false
    return undefined
  }
}

/** Not an instance of a class; also of another context, whose `Object.prototype` is another one. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === null || prototype === Object.prototype) return true
  return !types.isProxy(prototype) && Object.getPrototypeOf(prototype) === null
}

/** A property; undefined if an accessor throws. */
function read(from: object, name: string | number): unknown {
  try {
    return (from as Record<string | number, unknown>)[name]
  } catch {
    return undefined
  }
}

function attempt<T>(action: () => T): T | undefined {
  try {
    return action()
  } catch {
    return undefined
  }
}

/** The value in `new String('x')` and the like; JSON has no symbols or bigints. */
function primitiveOf(value: object): unknown {
  if (types.isStringObject(value)) return String.prototype.valueOf.call(value)
  if (types.isNumberObject(value)) return Number.prototype.valueOf.call(value)
  if (types.isBooleanObject(value)) return Boolean.prototype.valueOf.call(value)
  return undefined
}

/*
 * What a byte object says about itself: its own properties of these names may say something else.
 */
const typedArray: object = Object.getPrototypeOf(Uint8Array.prototype) as object
const typeTag = getter(typedArray, Symbol.toStringTag)
const places = [typedArray, DataView.prototype].map((prototype) => ({
  buffer: getter(prototype, 'buffer'),
  start: getter(prototype, 'byteOffset'),
  length: getter(prototype, 'byteLength')
}))

function getter(prototype: object, name: PropertyKey): (from: object) => unknown {
  const property = Object.getOwnPropertyDescriptor(prototype, name)
  return (from) => property?.get?.call(from) as unknown
}

/** @throws {TypeError} if the memory was transferred */
function bytesOf(value: Bytes): Uint8Array {
  if (!ArrayBuffer.isView(value)) return new Uint8Array(value)
  const place = places[types.isDataView(value) ? 1 : 0]
  return new Uint8Array(
    place?.buffer(value) as ArrayBufferLike,
    place?.start(value) as number,
    place?.length(value) as number
  )
}

function typeOf(value: Bytes): string {
  if (ArrayBuffer.isView(value)) return (typeTag(value) as string | undefined) ?? 'DataView'
  return types.isSharedArrayBuffer(value) ? 'SharedArrayBuffer' : 'ArrayBuffer'
}

/** Stored bytes in their original type; those of a Buffer or an unknown type as a Buffer. */
function asType(section: Buffer, { type = '' }: { type?: string }): unknown {
  if (type === 'SharedArrayBuffer') {
    const shared = new SharedArrayBuffer(section.length)
    new Uint8Array(shared).set(section)
    return shared
  }
  if (type !== 'ArrayBuffer' && !VIEWS.has(type)) return section
  const { buffer } = new Uint8Array(section)
  if (type === 'ArrayBuffer') return buffer
  const view = (globalThis as Record<string, unknown>)[type] as
    (new (buffer: ArrayBuffer) => unknown) | undefined
  return view === undefined ? section : (attempt(() => new view(buffer)) ?? section)
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
