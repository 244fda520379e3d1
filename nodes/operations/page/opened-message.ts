import { html, nothing, type TemplateResult } from 'lit-html'
import type { MessageAnswer, MessageContent, NodeState } from '../answers.ts'
import { requestTrouble } from './asking.ts'
import { onNode, onRows } from './action.ts'
import { actionsAt } from './action-buttons.ts'
import type { Desk } from './desk.ts'
import { ruleView } from './rule.ts'
import { messageView } from './story/message-view.ts'

/** The states of a message that is still on its way. */
const UNDECIDED: readonly string[] = ['waiting', 'sending', 'retrying']
/** Those of a message that the receiver has not accepted. */
const TROUBLED: readonly string[] = ['suspended', 'naked', 'failed']

/** The message that is opened in the list: what can be done with it, its story, and its text. */
export class OpenedMessage {
  readonly #desk: Desk
  #node: NodeState | undefined
  #row: MessageAnswer | undefined
  /** Somebody has asked for its text. */
  #showsText = false
  #content: MessageContent | undefined
  #trouble = ''
  #isKept = false

  constructor(desk: Desk) {
    this.#desk = desk
  }

  get id(): string | undefined {
    return this.#row?.id
  }

  /** It stays open even if it is no longer one of those that are listed. */
  get isKept(): boolean {
    return this.#isKept
  }

  /** Shows the story of a message. Its text is shown only on request, because each time is recorded as an event. */
  open(node: NodeState, row: MessageAnswer): void {
    this.close()
    this.#node = node
    this.#row = row
    void this.#show(node, row)
  }

  /** Nothing of the message stays in the page. */
  close(): void {
    this.#desk.question.close('message')
    this.#node = undefined
    this.#row = undefined
    this.#showsText = false
    this.#content = undefined
    this.#trouble = ''
    this.#isKept = false
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
    // Otherwise, each retry of a message whose text is shown would record another event.
    const isCheap = !this.#showsText || !UNDECIDED.includes(row.state)
    if (hasChanged && isCheap && this.#content !== undefined) void this.#show(node, row)
  }

  view(node: NodeState, row: MessageAnswer): TemplateResult {
    const desk = this.#desk
    const { question } = desk
    const isOpen = (): boolean => this.#isOpen(node, row)
    const opened = {
      isOpen,
      keep: (): void => {
        if (isOpen()) this.#isKept = true
      },
      show: (): Promise<void> => {
        this.#showsText = true
        return this.#show(node, row)
      }
    }
    return html`<div class="hl7-message">
      <div class="hl7-buttons">
        ${actionsAt('message', { ...onRows(onNode(node, desk), 'message', [row]), opened }, desk)}
      </div>
      ${question.view('message')}
      ${
        // The story says which rule suspended it.
        row.state === 'suspended' ? nothing : ruleView(row.rule, desk)
      }
      ${this.#trouble === '' ? nothing : html`<p>${this.#trouble}</p>`}
      ${this.#content === undefined ? nothing : messageView(node, this.#content, desk)}
    </div>`
  }

  /** Messages of two nodes can have the same id. */
  #isOpen(node: NodeState, row: MessageAnswer): boolean {
    return node.id === this.#node?.id && row.id === this.#row?.id
  }

  async #show(node: NodeState, row: MessageAnswer): Promise<void> {
    const { frame, text, draw, refresh } = this.#desk
    const showsText = this.#showsText
    // Another message may have been opened meanwhile, or the text of this one asked for.
    const isLate = (): boolean => !this.#isOpen(node, row) || showsText !== this.#showsText
    try {
      // Who may read it sees at once what the receiver has said of a message in trouble.
      const isSaid = TROUBLED.includes(row.state) && frame.may('hl7-https-out.content')
      const question = showsText
        ? {}
        : { content: isSaid ? ('reply' as const) : ('false' as const) }
      const content = await frame.ask('message', { id: node.id, messageId: row.id }, question)
      if (isLate()) return
      this.#content = content
      this.#trouble = ''
    } catch (error) {
      if (isLate()) return
      this.#trouble = requestTrouble(error, text)
    }
    await draw()
    // The list of events now says that the text was shown.
    if (showsText) refresh()
  }
}
