import type { NodeAPI } from 'node-red'

/** The callbacks that wait for the flows of a Node-RED, by its event emitter. */
const waiting = new WeakMap<NodeAPI['events'], Set<() => void>>()

/**
 * Calls back once, when the flows have started next. All callbacks share one listener, which stays
 * as long as the module: with one per node, Node.js would warn of a leak
 * (`MaxListenersExceededWarning`).
 *
 * @param callback must not throw: others come after it
 * @returns cancels it; without effect afterwards
 */
export function onceFlowsStarted({ events }: NodeAPI, callback: () => void): () => void {
  let callbacks = waiting.get(events)
  if (callbacks === undefined) {
    const all = new Set<() => void>()
    events.on('flows:started', () => {
      const due = [...all]
      all.clear()
      for (const one of due) one()
    })
    waiting.set(events, all)
    callbacks = all
  }
  callbacks.add(callback)
  return () => callbacks.delete(callback)
}
