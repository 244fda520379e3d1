import { createHmac, type KeyObject } from 'node:crypto'

/**
 * The number of the lane of messages with that key: 48 bits of its HMAC with SHA-256, the same for one node at all
 * times. Two keys with the same number would only wait for each other.
 */
export function laneOf(secret: KeyObject, key: string): number {
  return createHmac('sha256', secret).update(key).digest().readUIntBE(0, 6)
}
