import { html, nothing, render } from 'lit-html'
import type { Frame } from '../operations/page/frame.ts'
import { countInTrouble } from '../operations/page/words.ts'
import { RequestError } from '../operations/route-request.ts'
import { askNodeRed } from './ask-node-red.ts'

/** While the tab is closed, all nodes are asked for at most so often, in milliseconds. */
const AT_MOST_EVERY_MS = 60_000

/** The number of nodes that need attention, on the icon of a sidebar tab. */
export class AttentionBadge {
  readonly #tab: string
  readonly #text: Frame['text']
  #isWatching = false
  #askedAt = -Infinity
  #timer: ReturnType<typeof setTimeout> | undefined

  /** @param tab its id */
  constructor(tab: string, text: Frame['text']) {
    this.#tab = tab
    this.#text = text
  }

  /** Whether it has to ask for itself, because the tab is closed and does not. */
  watch(watching: boolean): void {
    if (watching === this.#isWatching) return
    this.#isWatching = watching
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (watching) this.tick()
  }

  /** Something changed in the runtime. */
  tick(): void {
    if (!this.#isWatching || this.#timer !== undefined) return
    const wait = Math.max(0, this.#askedAt + AT_MOST_EVERY_MS - performance.now())
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.#ask()
    }, wait)
  }

  /** Shows the number; nothing for 0. */
  show(count: number): void {
    this.#askedAt = performance.now()
    // Node-RED 5 has a button for each tab, Node-RED 4 a link.
    const icons = document.querySelectorAll<HTMLElement>(
      `button[data-tab-id="${this.#tab}"], #red-ui-tab-${this.#tab}-link-button, #red-ui-tab-${this.#tab} > a`
    )
    const badge = html`<span class="hl7-badge" title=${this.#text('badge', { count })}
      >${count}</span
    >`
    for (const icon of icons) render(count === 0 ? nothing : badge, icon)
  }

  async #ask(): Promise<void> {
    if (!RED.user.hasPermission('hl7-https-out.read')) return
    this.#askedAt = performance.now()
    try {
      const { nodes } = await askNodeRed('nodes', {}, {})
      this.show(countInTrouble(nodes))
    } catch (error) {
      // The next tick asks again.
      if (!(error instanceof RequestError)) throw error
    }
  }
}
