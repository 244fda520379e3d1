import { once } from 'node:events'
import { TICK_TOPIC } from '../nodes/operations/tick-topic.ts'
import type { AllStates, NodeState } from '../nodes/operations/answers.ts'

/** As in nodes/editor/sidebar/tab.ts. */
const SLOWLY_MS = 10_000
const MINUTES = 60
/** As in nodes/editor/sidebar/message-list.ts and events.ts. */
const MESSAGES = 100
const EVENTS = 50

/**
 * What an open sidebar tab *HL7* costs the runtime, without a browser: the same requests at the same
 * times, and the websocket that brings the ticks. All nodes are asked for after each tick, and 10 s
 * after the last time without one; history, messages and events of the chosen node are asked for when
 * something about it has changed, and every 10 s. The requests are plain GETs with the headers of
 * jQuery: the answers have `Cache-Control: no-store`, so that a browser sends none with a condition.
 */
export class SidebarTab {
  readonly #url: string
  readonly #chosen: string
  readonly #ticks: WebSocket
  #requests = 0
  #open = true
  #busy = false
  #again = false
  #timer: NodeJS.Timeout | undefined
  #detailsOf = ''
  #failed: unknown

  private constructor(url: string, chosen: string, ticks: WebSocket) {
    this.#url = url
    this.#chosen = chosen
    this.#ticks = ticks
    ticks.addEventListener('message', ({ data }) => {
      if (String(data).includes(TICK_TOPIC)) this.#now()
    })
    this.#now()
  }

  /**
   * @param url of Node-RED
   * @param chosen the ID of the node that the user has chosen
   */
  static async open(url: string, chosen: string): Promise<SidebarTab> {
    const ticks = new WebSocket(`${url.replace(/^http/, 'ws')}/comms`)
    await once(ticks, 'open')
    ticks.send(JSON.stringify({ subscribe: TICK_TOPIC }))
    return new SidebarTab(url, chosen, ticks)
  }

  /**
   * @returns the number of requests
   * @throws if one of them failed
   */
  close(): number {
    this.#open = false
    clearTimeout(this.#timer)
    this.#ticks.close()
    if (this.#failed !== undefined) throw this.#failed as Error
    return this.#requests
  }

  #now(): void {
    this.#again = true
    if (!this.#open || this.#busy) return
    clearTimeout(this.#timer)
    void this.#run()
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    this.#busy = true
    try {
      while (this.#again && this.#open) {
        this.#again = false
        await this.#update()
      }
    } catch (error) {
      this.#failed ??= error
    }
    this.#busy = false
    if (!this.#open) return
    this.#timer = setTimeout(() => {
      this.#now()
    }, SLOWLY_MS)
  }

  async #update(): Promise<void> {
    const { nodes } = (await this.#get('')) as AllStates
    const node = nodes.find(({ id }) => id === this.#chosen)
    if (node === undefined) throw new Error(`There is no node ${this.#chosen}.`)
    const now = whatDetailsShow(node)
    if (now === this.#detailsOf) return
    this.#detailsOf = now
    const path = `/${encodeURIComponent(node.id)}`
    const since = new Date(Date.now() - MINUTES * 60_000).toISOString()
    await Promise.all([
      this.#get(`${path}/history?minutes=${MINUTES}`),
      this.#get(`${path}/messages?limit=${MESSAGES}`),
      this.#get(`${path}/events?since=${encodeURIComponent(since)}&limit=${EVENTS}`)
    ])
  }

  async #get(path: string): Promise<unknown> {
    this.#requests += 1
    const response = await fetch(`${this.#url}/hl7-https-out${path}`, {
      headers: {
        Accept: 'application/json, text/javascript, */*; q=0.01',
        'X-Requested-With': 'XMLHttpRequest'
      }
    })
    if (!response.ok) throw new Error(`Node-RED answered ${response.status} to ${path}.`)
    return response.json()
  }
}

/** Changes when the details of a node must be asked for again. */
function whatDetailsShow(node: NodeState): string {
  const { acked, naked, failed, suspended, retrying, queued, state, retry, lastError } = node
  return JSON.stringify([
    ...[Math.floor(Date.now() / SLOWLY_MS), acked, naked, failed, suspended, retrying, queued],
    ...[state, retry?.attempts, lastError, node.paused, node.token?.state]
  ])
}
