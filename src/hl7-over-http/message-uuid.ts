import { createHash } from 'node:crypto'

/**
 * `$uuid()` of an expression: the same in all attempts of a message, also after a restart, and another one for each
 * message and each place. An edited message is another one to a receiver that remembers what it has had.
 *
 * @param identity what tells the message from all others that are sent
 * @param text of the message
 * @param place where the expression stands
 * @returns in the form of a random one (version 4 of RFC 9562), which every receiver takes
 */
export function messageUuid(identity: string, text: string, place: string): string {
  const hash = createHash('sha256')
  for (const part of [identity, place, text]) hash.update(`${part.length} ${part}\n`)
  const bytes = hash.digest().subarray(0, 16)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  return bytes.toString('hex').replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5')
}
