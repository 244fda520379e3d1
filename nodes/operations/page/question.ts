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
  /** A field for a text: one line, or several with the text that they hold at first. */
  field?: { label: string; maxLength: number } | { label: string; lines: string }
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
  readonly #field = createRef<HTMLInputElement | HTMLTextAreaElement>()
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
    // A browser puts the cursor at the end of a long text, and scrolls there.
    this.#field.value?.setSelectionRange(0, 0)
    ;(this.#field.value ?? this.#box.value ?? group?.querySelector<HTMLElement>('.hl7-no'))?.focus()
    group?.scrollIntoView({ block: 'nearest' })
    const consent = await answered
    await this.#draw()
    // The next question may be asked already, and has the focus.
    if (this.#asked === undefined && before instanceof HTMLElement) before.focus()
    return consent
  }

  /**
   * Takes back the question.
   *
   * @param place only if it stands here
   */
  close(place = this.#asked?.question.place): void {
    if (this.#asked?.question.place === place) this.#end(undefined)
  }

  /** The question, if it stands here. */
  view(place: QuestionPlace): TemplateResult | typeof nothing {
    if (this.#asked?.question.place !== place) return nothing
    const { title, confirm, field, check } = this.#asked.question
    const yes = (): void => {
      this.#end({
        text: this.#field.value?.value ?? '',
        checked: this.#box.value?.checked ?? false
      })
    }
    const pressed = (event: KeyboardEvent): void => {
      // The editor would close a form with Escape, and act on other keys.
      event.stopPropagation()
      if (event.key === 'Escape') this.close()
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
        field === undefined
          ? nothing
          : html`<label for="hl7-question-text">${field.label}</label>
              ${this.#fieldView(field, yes)}`
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

  #fieldView(field: NonNullable<Question['field']>, yes: () => void): TemplateResult {
    if ('lines' in field) {
      return html`<textarea
        id="hl7-question-text"
        rows="12"
        spellcheck="false"
        autocomplete="off"
        .value=${field.lines}
        ${ref(this.#field)}
      ></textarea>`
    }
    const typed = ({ key }: KeyboardEvent): void => {
      if (key === 'Enter') yes()
    }
    return html`<input
      type="text"
      id="hl7-question-text"
      maxlength=${field.maxLength}
      ${ref(this.#field)}
      @keydown=${typed}
    />`
  }

  #end(consent: Consent | undefined): void {
    const asked = this.#asked
    this.#asked = undefined
    asked?.answer(consent)
  }
}
