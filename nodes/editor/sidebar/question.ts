import { Button, element } from './dom.ts'
import type { Text } from './times.ts'

export interface Question {
  /** What is asked. */
  title: string
  /** On the button that does it. */
  confirm: string
  /** An input for a text. */
  input?: { label: string; maxLength: number }
  /** A box to tick; ticked at first. */
  check?: string
}

export interface Consent {
  text: string
  checked: boolean
}

/** Asks before something is done, in the tab itself: one question at a time. */
export class QuestionBox {
  readonly element = element('div', { class: 'hl7-https-question', role: 'group' })
  readonly #text: Text
  #answer: ((consent: Consent | undefined) => void) | undefined

  constructor(text: Text) {
    this.#text = text
    this.element.hidden = true
    this.element.addEventListener('keydown', (event) => {
      // The editor would close a form with Escape, and act on other keys.
      event.stopPropagation()
      if (event.key === 'Escape') this.close()
    })
  }

  /**
   * Asks. The focus goes to the question, and back afterwards.
   *
   * @returns undefined if the answer is no, or another question was asked
   */
  ask({ title, confirm, input, check }: Question): Promise<Consent | undefined> {
    this.close()
    const before = document.activeElement
    const id = 'hl7-https-question-title'
    const field = element('input', {
      type: 'text',
      id: 'hl7-https-question-text',
      maxlength: String(input?.maxLength ?? 0)
    })
    const box = element('input', { type: 'checkbox' })
    box.checked = true
    const yes = new Button('', () => {
      this.#end({ text: field.value.trim(), checked: box.checked })
    })
    yes.show(confirm)
    const no = new Button('', () => {
      this.close()
    })
    no.show(this.#text('button.cancel'))
    yes.element.classList.add('hl7-https-yes')
    this.element.setAttribute('aria-labelledby', id)
    this.element.replaceChildren(
      element('div', { id, class: 'hl7-https-question-title', text: title })
    )
    if (input !== undefined) {
      field.addEventListener('keydown', ({ key }) => {
        if (key === 'Enter') yes.element.click()
      })
      this.element.append(element('label', { for: field.id, text: input.label }), field)
    }
    if (check !== undefined) {
      const label = element('label', {}, box)
      label.append(` ${check}`)
      this.element.append(label)
    }
    this.element.append(
      element('div', { class: 'hl7-https-buttons' }, ...[yes.element, no.element])
    )
    this.element.hidden = false
    ;(input === undefined ? (check === undefined ? no.element : box) : field).focus()
    this.element.scrollIntoView({ block: 'nearest' })
    return new Promise((resolve) => {
      this.#answer = (consent) => {
        this.element.hidden = true
        this.element.replaceChildren()
        if (before instanceof HTMLElement) before.focus()
        resolve(consent)
      }
    })
  }

  /** Takes back the question. */
  close(): void {
    this.#end(undefined)
  }

  #end(consent: Consent | undefined): void {
    const answer = this.#answer
    this.#answer = undefined
    answer?.(consent)
  }
}
