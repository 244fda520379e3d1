import { join } from 'node:path'
import type { NodeAPI } from 'node-red'

/** Where the queue files are; the setting `hl7HttpsOutQueueDirectory` is returned unchecked. */
export function queueDirectory(RED: NodeAPI): unknown {
  const { userDir, hl7HttpsOutQueueDirectory } = RED.settings as {
    userDir: string
    hl7HttpsOutQueueDirectory?: unknown
  }
  return hl7HttpsOutQueueDirectory ?? join(userDir, 'hl7-https-out')
}
