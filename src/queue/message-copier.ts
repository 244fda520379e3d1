import { types } from 'node:util'

/** Depth to which a message is copied. */
const MOST_LEVELS = 64
/**
 * Values copied of one message. Each of its properties may take half of what is left, so that one
 * with too many leaves room for the others.
 */
const MOST_VALUES = 200_000
/** This many characters or bytes count as one more value. */
const VALUE_LENGTH = 2048
/**
 * Properties whose text or bytes are copied whatever else the message contains, and that are copied
 * alone if its properties cannot be listed: it has too many, or is a proxy.
 */
const NEEDED = ['_msgid', 'topic', 'payload', 'url', 'requestTimeout']

/** Binary data that V8 can store. */
type Bytes = ArrayBufferView | ArrayBuffer

/** Thrown if a property of the message contains too much. */
const tooMuch = new Error('too much')

/** Makes one bounded copy of a message, of nothing but what can be stored: see `encodeMessage`. */
export class MessageCopier {
  /** Properties of the message that contain too much; `*` for all but the most important. */
  readonly leftOut: string[] = []
  /** Nothing was left out or changed. */
  whole = true
  /** JSON can represent the copy. */
  isJson = true
  /** Of all texts and property names. */
  characters = 0
  /** Values that the property of the message which is being copied may still have. */
  #valuesLeft = 0
  /** The copy of each object: one in many places is copied, counted and stored once. */
  readonly #copies = new Map<object, unknown>()

  copyMessage(msg: object): Record<string, unknown> {
    const copy: Record<string, unknown> = {}
    this.#copies.set(msg, copy)
    let valuesLeft = MOST_VALUES
    for (const name of this.#messageNames(msg)) {
      const value = this.#read(msg, name)
      const isUncounted = NEEDED.includes(name) && (typeof value === 'string' || isBytes(value))
      const most = isUncounted ? Number.MAX_SAFE_INTEGER : Math.trunc(valuesLeft / 2)
      const copies = this.#copies.size
      this.#valuesLeft = most
      try {
        this.#copyProperty(copy, name, value, 1)
        if (!isUncounted) valuesLeft -= most - this.#valuesLeft
      } catch (error) {
        if (error !== tooMuch) throw error
        this.whole = false
        this.leftOut.push(name)
        // It loses all that it was given, so that only a few can take long.
        valuesLeft -= most
        this.#forgetCopiesSince(copies)
      }
    }
    return copy
  }

  #messageNames(msg: object): string[] {
    const names = types.isProxy(msg) ? undefined : Object.keys(msg)
    if (names === undefined || names.length > MOST_VALUES) {
      this.whole = false
      this.leftOut.push('*')
      return NEEDED
    }
    if (!isPlain(msg)) this.whole = false
    this.#checkKeys(msg, names.length)
    return names
  }

  /** A copy of a value; undefined for what is left out. */
  #copy(value: unknown, level: number): unknown {
    this.#takeValues(1)
    switch (typeof value) {
      case 'string':
        this.#takeText(value)
        return value
      case 'number':
        // JSON has null and 0 for them.
        if (!Number.isFinite(value) || Object.is(value, -0)) this.isJson = false
        return value
      case 'boolean':
      case 'undefined':
        return value
      case 'object':
        return value === null ? null : this.#copyObject(value, level)
      default:
        return this.#leaveOut()
    }
  }

  #copyObject(value: object, level: number): unknown {
    // No trap of a proxy is called: its result may be endless.
    if (types.isProxy(value)) return this.#leaveOut()
    const copy = this.#copies.get(value)
    if (copy !== undefined) {
      this.isJson = false
      return copy
    }
    if (isBytes(value)) return this.#copyBytes(value)
    if (types.isDate(value)) {
      this.isJson = false
      return value
    }
    if (level >= MOST_LEVELS) throw tooMuch
    if (Array.isArray(value)) return this.#copyArray(value, level)
    return isPlain(value) ? this.#copyProperties(value, level) : this.#copyInstance(value, level)
  }

  /** The same object: V8 stores what a view shows of its memory, and no other property. */
  #copyBytes(value: Bytes): unknown {
    const memory = ArrayBuffer.isView(value) ? value.buffer : value
    // Memory that was transferred to another thread cannot be read.
    if ('detached' in memory && memory.detached) return this.#leaveOut()
    this.#takeLength(value.byteLength)
    this.isJson = false
    this.#copies.set(value, value)
    return value
  }

  #copyArray(value: readonly unknown[], level: number): unknown {
    const copy: unknown[] = []
    this.#copies.set(value, copy)
    for (let i = 0; i < value.length; i++) {
      const item = this.#copy(this.#read(value, i), level + 1)
      if (item === undefined) this.isJson = false
      copy.push(item)
    }
    // `length` is a key as well.
    this.#checkKeys(value, value.length + 1)
    return copy
  }

  #copyProperties(value: object, level: number): unknown {
    const copy: Record<string, unknown> = {}
    this.#copies.set(value, copy)
    const names = Object.keys(value)
    for (const name of names) this.#copyProperty(copy, name, this.#read(value, name), level + 1)
    this.#checkKeys(value, names.length)
    return copy
  }

  /** What JSON stores of an instance of a class; nothing of a stream or another event emitter. */
  #copyInstance(value: object, level: number): unknown {
    this.whole = false
    if (typeof this.#read(value, 'emit') === 'function') return undefined
    const method = this.#read(value, types.isBoxedPrimitive(value) ? 'valueOf' : 'toJSON')
    if (typeof method !== 'function') return this.#copyProperties(value, level)
    let json: unknown
    try {
      json = Reflect.apply(method, value, [])
    } catch {
      return undefined
    }
    return json === value ? this.#copyProperties(value, level) : this.#copy(json, level + 1)
  }

  #copyProperty(to: Record<string, unknown>, name: string, value: unknown, level: number): void {
    this.#takeText(name)
    const copy = this.#copy(value, level)
    // It would become the prototype.
    if (name === '__proto__') this.whole = false
    else if (copy !== undefined) to[name] = copy
  }

  /** A property; undefined if its accessor throws. */
  #read(from: object, name: string | number): unknown {
    try {
      const property = Object.getOwnPropertyDescriptor(from, name)
      if (property !== undefined && 'value' in property) return property.value
      // An accessor, a hole in an array, or a method of a class.
      this.whole = false
      return (from as Record<string | number, unknown>)[name]
    } catch {
      return this.#leaveOut()
    }
  }

  /** Other keys get lost: symbols, names that are not enumerable, properties of an array. */
  #checkKeys(value: object, copied: number): void {
    if (this.whole && Reflect.ownKeys(value).length !== copied) this.whole = false
  }

  /** The last one of them is incomplete, and so are those above it. */
  #forgetCopiesSince(count: number): void {
    if (this.#copies.size === count) return
    for (const original of [...this.#copies.keys()].slice(count)) this.#copies.delete(original)
  }

  #takeText(text: string): void {
    this.characters += text.length
    this.#takeLength(text.length)
  }

  #takeLength(length: number): void {
    this.#takeValues(Math.trunc(length / VALUE_LENGTH))
  }

  #takeValues(values: number): void {
    if (values > this.#valuesLeft) throw tooMuch
    this.#valuesLeft -= values
  }

  #leaveOut(): unknown {
    this.whole = false
    return undefined
  }
}

function isBytes(value: unknown): value is Bytes {
  return ArrayBuffer.isView(value) || types.isArrayBuffer(value)
}

/** Not an instance of a class; also of another context, whose `Object.prototype` is another one. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === null || prototype === Object.prototype) return true
  return !types.isProxy(prototype) && Object.getPrototypeOf(prototype) === null
}
