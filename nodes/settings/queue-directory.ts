import { join } from 'node:path'
import type { NodeAPI } from 'node-red'
import { setting, SETTINGS } from './settings-js.ts'

/** Where the queue files are; the setting `hl7HttpsOutQueueDirectory` is returned unchecked. */
export function queueDirectory(RED: NodeAPI): unknown {
  const { userDir } = RED.settings as { userDir: string }
  const name = 'hl7HttpsOutQueueDirectory'
  return setting(RED, name) ?? join(userDir, SETTINGS[name].default)
}
