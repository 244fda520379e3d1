import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import { subKey } from './queue-key.ts'

/** A value in a message by which it can be found, with the path of its field as configured, such as `PID-3.1`. */
export interface FieldValue {
  path: string
  value: string
}

/** Hashes (HMAC with SHA-256) of what a queue must not show: the same for one node at all times. */
export class KeyedHashes {
  readonly #laneKey: KeyObject
  readonly #fieldKey: KeyObject

  /** @param name of the queue file */
  constructor(key: Uint8Array, name: string) {
    this.#laneKey = createSecretKey(subKey(key, `lane ${name}`))
    this.#fieldKey = createSecretKey(subKey(key, `field ${name}`))
  }

  /** The number of the lane of messages with that key: 48 bits. Two keys with one number only wait for each other. */
  laneOf(key: string): number {
    return createHmac('sha256', this.#laneKey).update(key).digest().readUIntBE(0, 6)
  }

  /** What is stored of a value by which messages are found: 128 bits. */
  hashOf({ path, value }: FieldValue): Uint8Array {
    return createHmac('sha256', this.#fieldKey).update(`${path}\0${value}`).digest().subarray(0, 16)
  }
}
