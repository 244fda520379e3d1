/** First byte of a message in this format. */
export const WITH_PARTS = 1
const HEADER_BYTES = 5

/** Views that bytes are restored as. */
const VIEWS = new Set([
  'DataView',
  'Int8Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'BigInt64Array',
  'BigUint64Array',
  'Float16Array',
  'Float32Array',
  'Float64Array'
])

/** Something stored behind the JSON text, for the `null` at that path in it. */
type Part = { path: (string | number)[] } & (
  | { kind: 'bytes'; length: number; type?: string }
  | { kind: 'text'; length: number }
  | { kind: 'date'; time: number }
)

/**
 * A message as 0.1.0 and 0.2.0 stored it if it had binary data, Dates or long texts: these stand
 * behind a JSON text, in which `null` takes their place.
 *
 * @param bytes begin with `WITH_PARTS`; Buffers in the message are views of them
 * @throws {Error} when these versions did not write them
 */
export function decodeParts(bytes: Buffer): Record<string, unknown> {
  let end = HEADER_BYTES + bytes.readUInt32BE(1)
  const { message, parts } = JSON.parse(bytes.toString('utf8', HEADER_BYTES, end)) as {
    message: Record<string, unknown>
    parts: Part[]
  }
  for (const part of parts) {
    const start = end
    if (part.kind !== 'date') end += part.length
    put(message, part.path, restored(part, bytes.subarray(start, end)))
  }
  return message
}

function restored(part: Part, section: Buffer): unknown {
  if (part.kind === 'date') return new Date(part.time)
  return part.kind === 'text' ? section.toString() : asType(section, part.type)
}

/** The bytes of a Buffer, or of a type that this Node.js does not know, as a Buffer. */
function asType(section: Buffer, type = ''): unknown {
  const { buffer } = new Uint8Array(section)
  if (type === 'ArrayBuffer' || type === 'SharedArrayBuffer') return buffer
  const View = VIEWS.has(type) ? (globalThis as Record<string, unknown>)[type] : undefined
  return View === undefined ? section : new (View as new (memory: ArrayBuffer) => unknown)(buffer)
}

function put(message: object, path: readonly (string | number)[], value: unknown): void {
  const holder = path.slice(0, -1).reduce((inner, step) => inner[step] as Values, message as Values)
  holder[path.at(-1) ?? ''] = value
}

type Values = Record<string | number, unknown>
