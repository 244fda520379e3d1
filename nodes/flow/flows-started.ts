import type { NodeAPI } from 'node-red'

/** Whether Node-RED started its flows, as it does when it is started itself, or new ones were deployed. */
export type StartKind = 'started' | 'deployed'

type Callback = (kind: StartKind) => void

/** The callbacks that wait for the flows of a Node-RED, by its event emitter. */
const waiting = new WeakMap<NodeAPI['events'], Set<Callback>>()

/**
 * Calls back once, when the flows have started next. All callbacks share one listener, which stays
 * as long as the module: with one per node, Node.js would warn of a leak
 * (`MaxListenersExceededWarning`).
 *
 * @param callback must not throw: others come after it
 * @returns cancels it; without effect afterwards
 */
export function onceFlowsStarted({ events }: NodeAPI, callback: Callback): () => void {
  let callbacks = waiting.get(events)
  if (callbacks === undefined) {
    const all = new Set<Callback>()
    let earlier: unknown
    events.on('flows:started', ({ config }: { config?: unknown } = {}) => {
      // Flows that are stopped and started again are the same; each deploy has new ones.
      const kind = earlier === undefined || config === earlier ? 'started' : 'deployed'
      earlier = config
      const due = [...all]
      all.clear()
      for (const one of due) one(kind)
    })
    waiting.set(events, all)
    callbacks = all
  }
  callbacks.add(callback)
  return () => callbacks.delete(callback)
}
