import { statSync } from 'node:fs'
import { isAbsolute, join, relative, sep } from 'node:path'
import type { NodeAPI } from 'node-red'
import { QUEUE_KEY_FILE } from '../../src/queue/queue-key.ts'
import { setting, SETTINGS } from './settings-js.ts'

/** Where the queue files are; the setting `hl7HttpsOutQueueDirectory` is returned unchecked. */
export function queueDirectory(RED: NodeAPI): unknown {
  const name = 'hl7HttpsOutQueueDirectory'
  return setting(RED, name) ?? join(dataDirectory(RED), SETTINGS[name].default)
}

/**
 * Where queue and key are by default: the user directory, or, where FlowFuse runs Node-RED, its `storage`, which alone
 * outlasts the container.
 */
export function dataDirectory(RED: NodeAPI): string {
  const { userDir } = RED.settings as { userDir: string }
  if (!isFlowFuse(RED)) return userDir
  let found = dataDirectories.get(userDir)
  if (found === undefined) {
    const storage = join(userDir, STORAGE)
    found = isDirectory(storage) ? storage : userDir
    dataDirectories.set(userDir, found)
  }
  return found
}

/**
 * What of queue and key FlowFuse would remove with the user directory.
 *
 * @returns paths; none if both last, or it is not FlowFuse that runs Node-RED
 */
export function fleetingPlaces(RED: NodeAPI): string[] {
  if (!isFlowFuse(RED)) return []
  const { userDir } = RED.settings as { userDir: string }
  const key =
    setting(RED, 'hl7HttpsOutQueueKey') === undefined
      ? join(dataDirectory(RED), QUEUE_KEY_FILE)
      : ''
  return [queueDirectory(RED), key].filter(
    (path): path is string =>
      typeof path === 'string' &&
      path !== '' &&
      isInside(path, userDir) &&
      !isInside(path, join(userDir, STORAGE))
  )
}

const STORAGE = 'storage'

/** By the user directory. Looked up once: a queue does not move while Node-RED runs. */
const dataDirectories = new Map<string, string>()

function isFlowFuse(RED: NodeAPI): boolean {
  return (RED.settings as { flowforge?: unknown }).flowforge !== undefined
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}

function isInside(path: string, directory: string): boolean {
  const way = relative(directory, path)
  return way.split(sep)[0] !== '..' && !isAbsolute(way)
}
