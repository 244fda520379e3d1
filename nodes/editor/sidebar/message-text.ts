import type { MessageContent } from '../../operations/answers.ts'
import type { Desk } from './desk.ts'
import { Button, element } from './dom.ts'
import { cut } from './told.ts'

/** So much of a message is shown, in characters. */
const MAX_TEXT = 64 * 1024

/** The text of one message and of its answer. It is dropped when another message is chosen. */
export class MessageText {
  readonly element = element('div', { class: 'hl7-https-content' })
  readonly #desk: Desk
  /** Has the focus again when the text is closed. */
  #opener: Element | null = null

  constructor(desk: Desk) {
    this.#desk = desk
    this.element.hidden = true
  }

  show({ controlId, request, reply }: MessageContent): void {
    const { text } = this.#desk
    const close = new Button('times', () => {
      const before = this.#opener
      this.clear()
      if (before instanceof HTMLElement) before.focus()
    })
    close.show(text('button.close'))
    this.#opener = document.activeElement
    this.element.replaceChildren(
      ...this.#block(
        text('content.request', { controlId: cut(controlId, 80) }),
        request,
        close.element
      ),
      ...this.#block(text('content.reply'), reply)
    )
    this.element.hidden = false
    this.element.querySelector('pre')?.focus()
  }

  /** Nothing of the message stays in the page. */
  clear(): void {
    if (this.element.hidden) return
    this.element.hidden = true
    this.element.replaceChildren()
  }

  #block(label: string, content: string | null, ...buttons: HTMLElement[]): HTMLElement[] {
    const title = element('h4', { text: label })
    const heading = element('div', { class: 'hl7-https-heading' }, title, ...buttons)
    if (content === null || content === '') {
      return [heading, element('p', { text: this.#desk.text('content.none') })]
    }
    const shown = cut(content, MAX_TEXT).replace(/\r\n?/g, '\n').trimEnd()
    const text = element('pre', {
      tabindex: '0',
      role: 'region',
      'aria-label': label,
      text: shown
    })
    return [heading, text]
  }
}
