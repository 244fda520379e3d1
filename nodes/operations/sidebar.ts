import type { NodeAPI } from 'node-red'
import { TICK_TOPIC } from './tick-topic.ts'

/**
 * The least time between two ticks, in milliseconds, for all nodes together. With one a second, an open
 * tab with a hundred nodes took more than 1 % of a core.
 */
const INTERVAL_MS = 2000

let publish: (() => void) | undefined
let timer: NodeJS.Timeout | undefined
/** On the monotonic clock: a wall clock set back would delay the next tick for as long. */
let lastTick = -Infinity

/** The runtime half of the sidebar tab *HL7*: Node-RED loads it as a plugin of this package. */
export default function (RED: NodeAPI): void {
  publish = () => {
    RED.comms.publish(TICK_TOPIC, {}, false)
  }
  RED.events.on('flows:started', somethingChanged)
  RED.events.on('flows:stopped', () => {
    clearTimeout(timer)
    timer = undefined
  })
}

/**
 * Tells open sidebar tabs that something about a node may have changed: with a tick that says
 * nothing else, since everybody with `status.read` receives it. Changes in quick succession share
 * one. Cheap enough to be called for each message, and without effect if the plugin is disabled.
 */
export function somethingChanged(): void {
  if (timer !== undefined || publish === undefined) return
  const wait = Math.max(0, lastTick + INTERVAL_MS - performance.now())
  timer = setTimeout(() => {
    timer = undefined
    lastTick = performance.now()
    publish?.()
  }, wait)
  // It ends by itself within two seconds, and keeps no process from its end.
  timer.unref()
}
