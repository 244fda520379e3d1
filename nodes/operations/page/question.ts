import { html, nothing, type TemplateResult } from 'lit-html'
import { ref, createRef } from 'lit-html/directives/ref.js'
import type { Text } from './times.ts'

/** Where a question stands: beside the buttons that ask it. */
export type QuestionPlace = 'node' | 'messages' | 'message'

export interface Question {
  place: QuestionPlace
  /** What is asked. */
  title: string
  /** On the button that does it. */
  confirm: string
  /** An input for a text. */
  input?: { label: string; maxLength: number }
  /** A field for a text of many lines, and what stands in it at first. */
  lines?: { label: string; value: string }
  /** A box to tick; ticked at first. */
  check?: string
}

export interface Consent {
  text: string
  checked: boolean
}

/** Asks before something is done: one question at a time. */
export class QuestionBox {
  readonly #text: Text
  readonly #draw: () => Promise<void>
  readonly #field = createRef<HTMLInputElement>()
  readonly #lines = createRef<HTMLTextAreaElement>()
  readonly #box = createRef<HTMLInputElement>()
  readonly #group = createRef<HTMLElement>()
  #asked: { question: Question; answer: (consent: Consent | undefined) => void } | undefined

  constructor(text: Text, draw: () => Promise<void>) {
    this.#text = text
    this.#draw = draw
  }

  /**
   * Asks. The focus goes to the question, and back afterwards.
   *
   * @returns undefined if the answer is no, or another question was asked
   */
  async ask(question: Question): Promise<Consent | undefined> {
    this.close()
    const before = document.activeElement
    const answered = new Promise<Consent | undefined>((resolve) => {
      this.#asked = { question, answer: resolve }
    })
    await this.#draw()
    const group = this.#group.value
    // Else the end of the text would be seen first.
    this.#lines.value?.setSelectionRange(0, 0)
    ;(
      this.#field.value ??
      this.#lines.value ??
      this.#box.value ??
      group?.querySelector<HTMLElement>('.hl7-no')
    )?.focus()
    group?.scrollIntoView({ block: 'nearest' })
    const consent = await answered
    await this.#draw()
    if (before instanceof HTMLElement) before.focus()
    return consent
  }

  /** Takes back the question. */
  close(): void {
    this.#end(undefined)
  }

  /** The question, if it stands here. */
  view(place: QuestionPlace): TemplateResult | typeof nothing {
    if (this.#asked?.question.place !== place) return nothing
    const { title, confirm, input, lines, check } = this.#asked.question
    const yes = (): void => {
      this.#end({
        text: (this.#field.value ?? this.#lines.value)?.value.trim() ?? '',
        checked: this.#box.value?.checked ?? false
      })
    }
    const pressed = (event: KeyboardEvent): void => {
      // The editor would close a form with Escape, and act on other keys.
      event.stopPropagation()
      if (event.key === 'Escape') this.close()
    }
    const typed = ({ key }: KeyboardEvent): void => {
      if (key === 'Enter') yes()
    }
    return html`<div
      class="hl7-question"
      role="group"
      aria-labelledby="hl7-question"
      ${ref(this.#group)}
      @keydown=${pressed}
    >
      <p id="hl7-question">${title}</p>
      ${
        input === undefined
          ? nothing
          : html`<label for="hl7-question-text">${input.label}</label>
              <input
                type="text"
                id="hl7-question-text"
                maxlength=${input.maxLength}
                ${ref(this.#field)}
                @keydown=${typed}
              />`
      }
      ${
        lines === undefined
          ? nothing
          : html`<label for="hl7-question-lines">${lines.label}</label>
              <textarea
                id="hl7-question-lines"
                rows="12"
                spellcheck="false"
                autocomplete="off"
                .value=${lines.value}
                ${ref(this.#lines)}
              ></textarea>`
      }
      ${
        check === undefined
          ? nothing
          : html`<label><input type="checkbox" checked ${ref(this.#box)} /> ${check}</label>`
      }
      <div class="hl7-buttons">
        <button type="button" class="hl7-button hl7-first" @click=${yes}>${confirm}</button>
        <button
          type="button"
          class="hl7-button hl7-no"
          @click=${() => {
            this.close()
          }}
        >
          ${this.#text('button.cancel')}
        </button>
      </div>
    </div>`
  }

  #end(consent: Consent | undefined): void {
    const asked = this.#asked
    this.#asked = undefined
    asked?.answer(consent)
  }
}
