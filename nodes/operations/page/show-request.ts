import { html, nothing, type TemplateResult } from 'lit-html'
import { printableProse } from '../../../src/printable.ts'
import type { TestAnswer } from '../../tests/test-result.ts'
import { requestText } from '../test-outcome.ts'
import type { NodeState } from '../answers.ts'
import { requestTrouble } from './asking.ts'
import { type Desk, whyGrey } from './desk.ts'

/** *Show request*: what a test message of the chosen node would be sent as. Nothing is sent. */
export class ShowRequest {
  readonly #desk: Desk
  #isOpen = false
  #node: NodeState | undefined
  #answer: TestAnswer | undefined
  /** Why there is none. */
  #trouble = ''

  constructor(desk: Desk) {
    this.#desk = desk
  }

  /** Another node, perhaps. */
  show(node: NodeState): void {
    const isOther = node.id !== this.#node?.id
    this.#node = node
    if (isOther) void this.#ask()
  }

  view(): TemplateResult | typeof nothing {
    const { text } = this.#desk
    const { state } = this.#node ?? {}
    if (state === undefined || state === 'stopped' || state === 'config') return nothing
    return html`<details
      class="hl7-try"
      id="hl7-show-request"
      @toggle=${({ target }: Event) => {
        this.#isOpen = (target as HTMLDetailsElement).open
        void this.#ask()
      }}
    >
      <summary>${text('test.title')}</summary>
      <p class="hl7-count">${text('test.hint')}</p>
      <div role="status">${this.#trouble === '' ? nothing : html`<p>${this.#trouble}</p>`}</div>
      ${this.#request()}
    </details>`
  }

  #request(): TemplateResult | typeof nothing {
    const request = requestText(this.#answer ?? {})
    if (request === '') return nothing
    return html`<pre tabindex="0" role="region" aria-label=${this.#desk.text('test.title')}>
${request}</pre>`
  }

  /** Asked for each time: the settings may have been changed. */
  async #ask(): Promise<void> {
    const { draw, frame, text } = this.#desk
    const node = this.#node
    this.#answer = undefined
    this.#trouble = this.#isOpen ? whyGrey(this.#desk, 'testNode') : ''
    if (this.#isOpen && node !== undefined && this.#trouble === '') {
      try {
        const answer = await frame.ask('testNode', { id: node.id }, { dryRun: true })
        if (node.id !== this.#node?.id) return
        const { error } = answer
        this.#answer = answer
        this.#trouble = error ? printableProse([error.reason, error.hint].join(' ')) : ''
      } catch (error) {
        if (node.id !== this.#node?.id) return
        this.#trouble = requestTrouble(error, text)
      }
    }
    await draw()
  }
}
