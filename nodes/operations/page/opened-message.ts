import { html, nothing, type TemplateResult } from 'lit-html'
import type { MessageAnswer, MessageContent, NodeState } from '../answers.ts'
import { requestTrouble } from './asking.ts'
import { button, type Desk } from './desk.ts'
import { messageActions } from './message-actions.ts'
import { ruleView } from './rule-view.ts'
import { messageView } from './story/message-view.ts'

/** What shows the texts. */
const CONTENT = 'hl7-https-out.content'

/** What it is while nobody has decided about it. */
const UNDECIDED: readonly string[] = ['waiting', 'sending', 'retrying']

/** The message that is opened in the list: what can be done with it, its story, and its text. */
export class OpenedMessage {
  readonly #desk: Desk
  #row: MessageAnswer | undefined
  /** Somebody has asked for its text. */
  #showsText = false
  #content: MessageContent | undefined
  #trouble = ''

  constructor(desk: Desk) {
    this.#desk = desk
  }

  get id(): string | undefined {
    return this.#row?.id
  }

  /** Shows the story of a message; its text only when somebody asks for it, because that is an event. */
  open(node: NodeState, row: MessageAnswer): void {
    this.close()
    this.#row = row
    void this.#show(node, row)
  }

  get #mayReadText(): boolean {
    return this.#desk.frame.may(CONTENT)
  }

  /** Nothing of the message stays in the page. */
  close(): void {
    this.#row = undefined
    this.#showsText = false
    this.#content = undefined
    this.#trouble = ''
  }

  /** What is listed now; the opened message may have left the list. */
  follow(node: NodeState, rows: readonly MessageAnswer[]): void {
    const row = rows.find(({ id }) => id === this.#row?.id)
    if (row === undefined) {
      this.close()
      return
    }
    const before = this.#row
    this.#row = row
    const hasChanged = row.state !== before?.state || row.attempts !== before.attempts
    // Not an event for each attempt of a message that is retried.
    const isCheap = !this.#showsText || !UNDECIDED.includes(row.state)
    if (hasChanged && isCheap && this.#content !== undefined) void this.#show(node, row)
  }

  view(node: NodeState, row: MessageAnswer): TemplateResult {
    const desk = this.#desk
    const { text, question } = desk
    return html`<div class="hl7-message">
      <div class="hl7-buttons">
        ${messageActions(node, row, desk)}
        ${button(desk, {
          id: 'show-message',
          label: text('button.showMessage'),
          why: this.#mayReadText ? '' : text('trouble.permission', { permission: CONTENT }),
          press: () => {
            this.#showsText = true
            return this.#show(node, row)
          }
        })}
      </div>
      ${question.view('message')}
      ${
        // The story says which rule suspended it.
        row.state === 'suspended' ? nothing : ruleView(row.rule, desk)
      }
      ${this.#trouble === '' ? nothing : html`<p>${this.#trouble}</p>`}
      ${this.#content === undefined ? nothing : messageView({ desk, node, message: this.#content, mayReadText: this.#mayReadText })}
    </div>`
  }

  async #show(node: NodeState, row: MessageAnswer): Promise<void> {
    const { frame, text, draw, refresh } = this.#desk
    const showsText = this.#showsText
    try {
      const question = showsText ? {} : ({ content: 'false' } as const)
      const content = await frame.ask('message', { id: node.id, messageId: row.id }, question)
      // Another message may have been chosen meanwhile.
      if (this.id !== row.id) return
      this.#content = content
      this.#trouble = ''
    } catch (error) {
      this.#trouble = requestTrouble(error, text)
    }
    await draw()
    // That a text was shown is an event.
    if (showsText) refresh()
  }
}
