import { DefaultDeserializer, serialize } from 'node:v8'
import { MessageCopier } from './message-copier.ts'

/** A longer message is not stored as JSON: text would be in memory twice more while it is encoded. */
const MOST_JSON_CHARACTERS = 64 * 1024
/** First byte of a message stored as JSON; that of V8's format is 255. */
const JSON_START = '{'.charCodeAt(0)

/** A message as bytes. */
export interface EncodedMessage {
  /** From 256 KiB on in memory of their own, which can be transferred to another thread. */
  bytes: Buffer
  /** `decodeMessage` returns the same message. */
  whole: boolean
  /**
   * Properties of the message that are not in `bytes`, because they contain too many values or are
   * too deep; `*` for all but the most important, because the message has too many.
   */
  leftOut: readonly string[]
}

/**
 * The message as bytes: as JSON if it is short and JSON can represent it, else in V8's format.
 *
 * Restored unchanged are plain objects, arrays, strings, numbers, booleans, `null`, Buffers, typed
 * arrays, ArrayBuffers and Dates; also those made in another context, such as a Function node's. An
 * object in several places, or within itself, is so again. A property that is `undefined` counts as
 * absent. Other instances of classes are stored as JSON stores them (`toJSON`, or their own
 * properties). Left out without an error are functions, symbols, bigints, streams and other event
 * emitters, accessors that throw, proxies, bytes whose memory was transferred, and properties named
 * `__proto__`; in an array, `undefined` takes their place.
 *
 * No message takes long: a property that contains more than 100 000 values or 200 MB (less where
 * others take room) or more than 64 levels is left out as a whole.
 *
 * @throws {Error} if there is no room for that many bytes, or if binary data cannot be read: an
 * accessor of the message transferred it, or its class gives it another type
 */
export function encodeMessage(msg: object): EncodedMessage {
  const copier = new MessageCopier()
  const copy = copier.copyMessage(msg)
  const { isJson, characters, whole, leftOut } = copier
  // As JSON, a typical message takes half the time, and any Node.js can read it.
  const isShortJson = isJson && characters <= MOST_JSON_CHARACTERS
  const bytes = isShortJson ? Buffer.from(JSON.stringify(copy)) : serialized(copy)
  return { bytes, whole, leftOut }
}

function serialized(copy: object): Buffer {
  try {
    return serialize(copy)
  } catch {
    // V8's error may quote the message.
    throw new Error('The message cannot be stored: it is too long, or V8 does not know its data.')
  }
}

/**
 * The message that `encodeMessage` was given. Its Buffers are views of `bytes`.
 *
 * @throws {Error} when the bytes are not from `encodeMessage`, or V8's format is one of a later
 * Node.js ("Unable to deserialize cloned data due to invalid or unsupported version.")
 */
export function decodeMessage(bytes: Buffer): Record<string, unknown> {
  if (bytes[0] === JSON_START) return JSON.parse(bytes.toString()) as Record<string, unknown>
  const reader = new V8Reader(bytes)
  reader.readHeader()
  return reader.readValue() as Record<string, unknown>
}

declare module 'v8' {
  interface DefaultDeserializer {
    /** Documented, but not in `@types/node`. Reads a Buffer, a typed array or a DataView. */
    _readHostObject(): ArrayBufferView<ArrayBuffer>
  }
}

class V8Reader extends DefaultDeserializer {
  /** Flows use the `buffer` of a typed array, which must not contain the rest of the message. */
  override _readHostObject(): ArrayBufferView<ArrayBuffer> {
    const view = super._readHostObject()
    if (Buffer.isBuffer(view)) return view
    const View = view.constructor as new (memory: ArrayBuffer) => typeof view
    return new View(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength))
  }
}
