import process from 'node:process'
import { Buffer } from 'node:buffer'
import { inspect } from 'node:util'
/**
 * A node for tests. Over the IPC channel it tells the process that started Node-RED which messages
 * it received, what status every node shows, and when the flows of a deploy have started. If a
 * message has a list of node ids in `look`, `looked` gets what any node can read from those nodes.
 */
export default function probe(RED) {
  const report = (event) => {
    if (process.connected) process.send(event)
  }

  process.on('message', (mark) => process.stdout.write(`${mark}\n`))
  RED.events.on('flows:started', () => {
    report({ kind: 'started' })
  })
  RED.events.on('runtime-event', ({ id, payload }) => {
    if (id === 'runtime-state' && payload?.error && payload.state !== undefined) {
      const what = payload.types ?? payload.modules ?? ''
      report({ kind: 'refused', reason: `${payload.error}: ${JSON.stringify(what)}` })
    }
  })
  RED.events.on('node-status', ({ id, status }) => {
    report({ kind: 'status', id, status: portable(status) })
  })

  RED.nodes.registerType('probe', function (config) {
    RED.nodes.createNode(this, config)
    this.on('input', (msg, send, done) => {
      if (Array.isArray(msg.look)) msg.looked = msg.look.map((id) => lookAt(RED.nodes.getNode(id)))
      report({ kind: 'message', id: this.id, msg: portable(msg) })
      done()
    })
  })
}

/** What any node can read from another node, apart from Node-RED's own properties. */
function lookAt(node) {
  const own = Object.getOwnPropertyNames(node).filter((name) => !name.startsWith('_'))
  const found = Object.fromEntries(own.map((name) => [name, node[name]]))
  return inspect(found, { depth: 6, showHidden: true, maxStringLength: null, breakLength: 200 })
}

/**
 * A copy for the IPC channel: functions and foreign objects become `{$type: name}`, values that
 * throw when they are read become `{$type: 'throws'}`.
 */
function portable(value, seen = new Map()) {
  try {
    return copyOf(value, seen)
  } catch {
    return { $type: 'throws' }
  }
}

function copyOf(value, seen) {
  if (typeof value === 'function') return { $type: 'Function' }
  if (typeof value === 'symbol') return { $type: 'Symbol' }
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value
  if (value instanceof Date) return value
  if (value instanceof Error) {
    return { ...portable({ ...value }), $type: value.name, message: value.message }
  }
  if (seen.has(value)) return seen.get(value)
  const prototype = Object.getPrototypeOf(value)
  if (!Array.isArray(value) && prototype !== null && prototype.constructor?.name !== 'Object') {
    return { $type: prototype.constructor?.name ?? 'unknown' }
  }
  const copy = Array.isArray(value) ? [] : {}
  seen.set(value, copy)
  for (const key of Object.keys(value)) {
    try {
      copy[key] = portable(value[key], seen)
    } catch {
      copy[key] = { $type: 'throws' }
    }
  }
  return copy
}
