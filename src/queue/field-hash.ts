import { createHmac, type KeyObject } from 'node:crypto'

/** A value in a message by which it can be found, with the path of its field as configured, such as `PID-3.1`. */
export interface FieldValue {
  path: string
  value: string
}

/** What is stored of a value: 128 bits of its HMAC with SHA-256, the same for one node and path at all times. */
export function fieldHash(secret: KeyObject, { path, value }: FieldValue): Uint8Array {
  return createHmac('sha256', secret).update(`${path}\0${value}`).digest().subarray(0, 16)
}
