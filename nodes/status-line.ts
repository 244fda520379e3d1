import type { Node, NodeStatus } from 'node-red'
import type { DeliveryState } from '../src/delivery/delivery.ts'

/** A status goes to every open editor: so often at most, in milliseconds. */
const MIN_INTERVAL_MS = 100

/** The line of text and the dot under a node. Changes in quick succession are shown as one. */
export class StatusLine {
  readonly #node: Node
  readonly #state: () => DeliveryState | undefined
  #shown = ''
  #timer: NodeJS.Timeout | undefined
  #lastShown = 0

  constructor(node: Node, state: () => DeliveryState | undefined) {
    this.#node = node
    this.#state = state
  }

  /** The state may have changed. */
  update(): void {
    if (this.#timer !== undefined) return
    const wait = this.#lastShown + MIN_INTERVAL_MS - Date.now()
    if (wait <= 0) this.#show()
    else {
      this.#timer = setTimeout(() => {
        this.#timer = undefined
        this.#show()
      }, wait)
    }
  }

  /** The node cannot work as it is set up. */
  misconfigured(): void {
    this.#node.status({ fill: 'red', shape: 'ring', text: 'hl7-https-out.status.config' })
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#node.status({})
  }

  #show(): void {
    const state = this.#state()
    if (state === undefined) return
    this.#lastShown = Date.now()
    const status = statusOf(state)
    const shown = JSON.stringify(status)
    if (shown === this.#shown) return
    this.#shown = shown
    this.#node.status(status)
  }
}

function statusOf(state: DeliveryState): NodeStatus {
  const waiting = state.queued > 0 ? ` (${state.queued})` : ''
  switch (state.state) {
    case 'paused':
      return { fill: 'red', shape: 'ring', text: `paused${waiting}` }
    case 'retrying':
      return {
        fill: 'yellow',
        shape: 'ring',
        text: `retry ${state.retry?.attempts ?? 1}, ${Math.ceil((state.retry?.waitMs ?? 0) / 1000)} s${waiting}`
      }
    case 'sending':
      return { fill: 'blue', shape: 'dot', text: `sending${waiting}` }
    case 'error':
      return { fill: 'red', shape: 'ring', text: state.lastError?.code ?? 'error' }
    case 'idle':
      return state.acked + state.naked === 0 ? {} : { fill: 'green', shape: 'dot', text: 'ACK' }
  }
}
