import type { NodeAPI } from 'node-red'

/** Who waits for the flows of a Node-RED, by its events. */
const waiting = new WeakMap<NodeAPI['events'], Set<() => void>>()

/**
 * Calls back once, when the flows have started next. All who wait share one listener, which stays as
 * long as the module: with one of each node Node.js warns of a leak (`MaxListenersExceededWarning`).
 *
 * @param callback must not throw: others come after it
 * @returns calls it off; without effect afterwards
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
