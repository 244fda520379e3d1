import { html, nothing, type TemplateResult } from 'lit-html'
import { live } from 'lit-html/directives/live.js'
import { createRef, ref } from 'lit-html/directives/ref.js'
import type { Text } from './times.ts'

/** Where a question stands: beside the buttons that ask it. */
export type QuestionPlace = 'all' | 'node' | 'messages' | 'message'

export interface Question {
  place: QuestionPlace
  /** What is asked. */
  title: string
  /** On the button that does it. */
  confirm: string
  /** What there is to know before something is entered. */
  hints?: readonly string[]
  fields?: readonly Field[]
  /** What is known of what has been entered: asked at first, and whenever a field has changed. Never rejects. */
  look?: (entered: Entered) => Promise<Seen>
}

/** Something to enter: a line, several lines, a time in the zone of the browser, one of some, or a box to tick. */
export type Field = { name: string; label: string } & (
  | { kind: 'line'; maxLength: number; value?: string }
  | { kind: 'lines'; value: string; rows?: number; select?: readonly [start: number, end: number] }
  | { kind: 'time'; value?: string }
  | { kind: 'choice'; options: readonly { value: string; label: string }[]; value: string }
  | { kind: 'check'; value: boolean }
)

/** What stands in the fields. */
export interface Entered {
  /** @returns `''` if there is no such field */
  value: (name: string) => string
  isChecked: (name: string) => boolean
}

/** What is said of it before it is done. */
export interface Seen {
  words: readonly string[]
  /** In place of that of the question. */
  confirm?: string
  /** Why it cannot be done; empty or missing if it can. */
  why?: string
}

/** So long nothing is asked while somebody types, in milliseconds. */
const TYPING_MS = 300

/** A question that is asked. */
interface Asked {
  question: Question
  values: Map<string, string | boolean>
  seen: Seen | undefined
  looks: number
  timer?: ReturnType<typeof setTimeout>
  answer: (consent: Entered | undefined) => void
}

/** Asks before something is done: one question at a time. */
export class QuestionBox {
  readonly #text: Text
  readonly #draw: () => Promise<void>
  readonly #group = createRef<HTMLElement>()
  #asked: Asked | undefined

  constructor(text: Text, draw: () => Promise<void>) {
    this.#text = text
    this.#draw = draw
  }

  /**
   * Asks. The focus goes to the question, and back afterwards.
   *
   * @returns undefined if the answer is no, or another question was asked
   */
  async ask(question: Question): Promise<Entered | undefined> {
    this.close()
    const before = document.activeElement
    const { fields = [] } = question
    const values = new Map(fields.map(({ name, value = '' }) => [name, value]))
    const answered = new Promise<Entered | undefined>((resolve) => {
      this.#asked = { question, values, seen: undefined, looks: 0, answer: resolve }
    })
    if (this.#asked !== undefined) void this.#look(this.#asked)
    await this.#draw()
    const group = this.#group.value
    const [first] = fields
    const field = group?.querySelector<HTMLElement>('input, textarea, select')
    const focused = first === undefined ? undefined : field
    ;(focused ?? group?.querySelector<HTMLElement>('.hl7-no'))?.focus()
    if (field instanceof HTMLTextAreaElement && first?.kind === 'lines') select(field, first.select)
    group?.scrollIntoView({ block: 'nearest' })
    const consent = await answered
    await this.#draw()
    // The next question may be asked already, and has the focus.
    if (this.#asked === undefined && before instanceof HTMLElement) before.focus()
    return consent
  }

  /** Something is asked. */
  get isOpen(): boolean {
    return this.#asked !== undefined
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
    const asked = this.#asked
    if (asked?.question.place !== place) return nothing
    const { question, seen } = asked
    const { title, fields = [], hints = [], look } = question
    const isOpen = look !== undefined && seen === undefined
    const why = isOpen ? this.#text('question.looking') : (seen?.why ?? '')
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
      ${hints.map((words) => html`<p class="hl7-hint">${words}</p>`)}
      ${fields.map((field) => this.#fieldView(asked, field))}
      ${
        look === undefined
          ? nothing
          : html`<div class="hl7-seen" role="status">
              ${[...(seen?.words ?? []), why].filter(Boolean).map((words) => html`<p>${words}</p>`)}
            </div>`
      }
      <div class="hl7-buttons">
        <button
          type="button"
          class="hl7-button hl7-first"
          aria-disabled=${why === '' ? nothing : 'true'}
          @click=${() => {
            this.#yes(asked)
          }}
        >
          ${seen?.confirm ?? question.confirm}
        </button>
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

  #fieldView(asked: Asked, field: Field): TemplateResult {
    const { kind, label, name } = field
    const value = asked.values.get(name) ?? ''
    const id = `hl7-question-${name}`
    const entered = ({ target }: Event): void => {
      const input = target as HTMLInputElement
      asked.values.set(name, kind === 'check' ? input.checked : input.value)
      this.#changed(asked)
    }
    if (kind === 'check') {
      return html`<label
        ><input type="checkbox" id=${id} .checked=${live(value === true)} @change=${entered} />
        ${label}</label
      >`
    }
    const named = (control: TemplateResult): TemplateResult =>
      html`<div class="hl7-entry"><label for=${id}>${label}</label>${control}</div>`
    if (kind === 'choice') {
      return named(
        html`<select id=${id} @change=${entered}>
          ${field.options.map(
            (option) =>
              html`<option value=${option.value} .selected=${option.value === value}>
                ${option.label}
              </option>`
          )}
        </select>`
      )
    }
    if (kind === 'lines') {
      return named(
        html`<textarea
          id=${id}
          rows=${field.rows ?? 12}
          spellcheck="false"
          autocomplete="off"
          .value=${live(value)}
          @input=${entered}
        ></textarea>`
      )
    }
    return named(
      html`<input
        type=${kind === 'time' ? 'datetime-local' : 'text'}
        id=${id}
        maxlength=${kind === 'time' ? nothing : field.maxLength}
        .value=${live(value)}
        @input=${entered}
        @keydown=${({ key }: KeyboardEvent) => {
          if (key === 'Enter') this.#yes(asked)
        }}
      />`
    )
  }

  #changed(asked: Asked): void {
    if (asked.question.look === undefined) return
    clearTimeout(asked.timer)
    asked.seen = undefined
    asked.looks++
    asked.timer = setTimeout(() => {
      void this.#look(asked)
    }, TYPING_MS)
    void this.#draw()
  }

  async #look(asked: Asked): Promise<void> {
    const look = ++asked.looks
    const seen = await asked.question.look?.(enteredIn(asked))
    if (seen === undefined || look !== asked.looks || asked !== this.#asked) return
    asked.seen = seen
    await this.#draw()
  }

  #yes(asked: Asked): void {
    const { question, seen } = asked
    if (question.look !== undefined && (seen === undefined || seen.why)) return
    // A time of which a part is missing would count as none: the browser says so.
    const inputs = [...(this.#group.value?.querySelectorAll('input') ?? [])]
    if (!inputs.every((input) => input.reportValidity())) return
    if (asked === this.#asked) this.#end(enteredIn(asked))
  }

  #end(consent: Entered | undefined): void {
    const asked = this.#asked
    this.#asked = undefined
    clearTimeout(asked?.timer)
    asked?.answer(consent)
  }
}

/** A browser puts the cursor at the end of a long text, and scrolls there. */
function select(
  field: HTMLTextAreaElement,
  [start, end]: readonly [number, number] = [0, 0]
): void {
  field.setSelectionRange(start, end)
  const before = field.value.slice(0, start)
  const line = before.split('\n').length - 1
  const height = Number.parseFloat(getComputedStyle(field).lineHeight) || 0
  field.scrollTop = Math.max(0, (line - 2) * height)
  // As far as its line goes: the type is of one width.
  const widest = Math.max(...field.value.split('\n').map(({ length }) => length))
  const column = start - (before.lastIndexOf('\n') + 1)
  const scrolled = (column / Math.max(1, widest)) * field.scrollWidth
  field.scrollLeft = Math.max(0, scrolled - field.clientWidth / 2)
}

/** As it is now. */
function enteredIn({ values }: Asked): Entered {
  const kept = new Map(values)
  return {
    value: (name) => String(kept.get(name) ?? ''),
    isChecked: (name) => kept.get(name) === true
  }
}
