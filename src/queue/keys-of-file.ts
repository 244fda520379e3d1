import type { QueueFileSpec } from './queue-file-spec.ts'
import { subKey } from './queue-key.ts'
import { Sealer } from './seal.ts'

/** Seals the messages of a queue file, with a key of its own. */
export function sealerOf({ key, name }: QueueFileSpec): Sealer {
  return new Sealer(subKey(key, `seal ${name}`))
}

/** What a queue file says of its key: it tells whether another one is in use. */
export function keyCheckOf({ key, name }: QueueFileSpec): Buffer {
  return subKey(key, `check ${name}`, 16)
}
