import { html, nothing, type TemplateResult } from 'lit-html'
import { AsyncDirective } from 'lit-html/async-directive.js'
import { directive } from 'lit-html/directive.js'
import { createRef, ref } from 'lit-html/directives/ref.js'
import type { Desk } from '../desk.ts'
import { answerView, errorView, problemView } from './error-view.ts'
import type { ShownLines } from './hl7-lines.ts'
import { lineView } from './line-view.ts'
import { printable } from '../../../../src/printable.ts'
import { namedField } from './field-name.ts'
import { placeAt, placeName } from './place.ts'
import { readTexts, type ErrorPlace, type ReadTexts } from './read-texts.ts'
import { reveal } from './reveal.ts'

interface Texts {
  controlId: string
  /** Null if it is no longer kept. Without a request, only what the reply says is shown. */
  request: string | null | undefined
  reply: string | null
}

interface Shown {
  message: Texts
  desk: Desk
  read: ReadTexts
}

/**
 * Request and reply, beside each other where there is room. One of the places that the errors are about is marked;
 * which one is known here only, so that nothing else is drawn when it changes.
 */
class SideBySide extends AsyncDirective {
  readonly #root = createRef<HTMLElement>()
  #shown: Shown | undefined
  #marked: ErrorPlace | undefined
  /** What somebody has clicked in the request, by name. */
  #pointed = ''

  override render(message: Texts, desk: Desk): TemplateResult {
    const before = this.#shown
    const isSame =
      before !== undefined &&
      before.message.request === message.request &&
      before.message.reply === message.reply
    // Not again for each drawing: they can be large.
    const read = isSame ? before.read : readTexts(message.request ?? '', message.reply ?? '')
    if (!isSame) {
      this.#pointed = ''
      const places = read.errors.flatMap((error) => error.places)
      this.#marked = places.find(({ found }) => found !== undefined)
      requestAnimationFrame(() => {
        reveal(this.#root.value, false)
      })
    }
    this.#shown = { message, desk, read }
    return this.#view(this.#shown)
  }

  /** @param isPressed somebody wants to go there */
  #mark(place: ErrorPlace, isPressed: boolean): void {
    if (this.#shown === undefined) return
    this.#marked = place
    this.setValue(this.#view(this.#shown))
    reveal(this.#root.value, isPressed)
  }

  #view(shown: Shown): TemplateResult {
    const { message, desk, read } = shown
    const { text } = desk
    if (message.request === undefined) return html`${this.#said(shown)}`
    return html`<div class="hl7-texts" ${ref(this.#root)}>
      ${this.#said(shown)}
      <div class="hl7-text hl7-request">
        <h4>${text('story.request')}</h4>
        ${
          message.request === null
            ? html`<p>${text('story.gone')}</p>`
            : html`<p class="hl7-hint" role="status">${this.#pointed}</p>
                ${this.#pane('request', read.request, desk)}`
        }
      </div>
      <div class="hl7-text hl7-reply">
        <h4>${text('story.reply')}</h4>
        ${
          read.reply.lines.length === 0 || read.reply.lines.some(({ name }) => name !== '')
            ? nothing
            : html`<p>${text('story.notHl7')}</p>`
        }
        ${
          message.reply === null || message.reply === ''
            ? html`<p>${text('story.noReply')}</p>`
            : this.#pane('reply', read.reply, desk)
        }
      </div>
    </div>`
  }

  /** Names what was clicked in the request: `Patient name (PID-5.1) in the request: “Lindqvist”`. */
  readonly #point = ({ target }: Event): void => {
    const shown = this.#shown
    const element = (target as Element).closest<HTMLElement>('[data-number]')
    const number = Number(element?.dataset['number'])
    const line = shown?.read.request.lines.find((one) => one.number === number)
    const at = element === null ? undefined : clickedAt(element, line?.segment.text.length ?? 0)
    if (shown === undefined || line === undefined || line.name === '' || at === undefined) return
    const { text } = shown.desk
    const found = placeAt(shown.message.request ?? '', line, at)
    const name = placeName(found)
    const value = printable(line.segment.text.slice(found.start, found.end))
    const place = namedField(name, found, text)
    this.#pointed = text(value === '' ? 'story.empty' : 'story.at', { place, value })
    this.#mark({ name, found, value, namedIn: 0 }, false)
  }

  /** What the reply says about the message. */
  #said({ message, desk, read }: Shown): TemplateResult | typeof nothing {
    const { text } = desk
    const { answers, errors, errorsLeftOut, problems } = read
    if (answers.length + errors.length + problems.length === 0) return nothing
    const options = {
      desk,
      hasRequest: typeof message.request === 'string',
      marked: this.#marked,
      mark: (place: ErrorPlace, isPressed: boolean) => {
        this.#mark(place, isPressed)
      }
    }
    return html`<div class="hl7-said">
      <h4 id="hl7-said-title">${text('story.said')}</h4>
      ${answers.map((answer) => answerView(answer, message.controlId, desk))}
      ${problems.map(problemView)}
      <ol class="hl7-errors" aria-labelledby="hl7-said-title" ?hidden=${errors.length === 0}>
        ${errors.map((error) => errorView(error, options))}
      </ol>
      ${
        errorsLeftOut === 0
          ? nothing
          : html`<p>${text('story.errorsLeftOut', { count: errorsLeftOut })}</p>`
      }
    </div>`
  }

  #pane(which: 'request' | 'reply', { lines, leftOut }: ShownLines, desk: Desk): TemplateResult {
    const { text } = desk
    const marked = this.#marked
    // An ERR leads to what it is about as well.
    const follow = (event: Event): void => {
      const line = (event.target as Element).closest<HTMLElement>('[data-number]')
      const place = this.#placesNamedIn(Number(line?.dataset['number']))[0]
      if (place !== undefined) this.#mark(place, event.type === 'click')
    }
    return html`<div
      class="hl7-lines"
      tabindex="0"
      role="region"
      aria-label=${text(`story.${which}`)}
      @click=${which === 'reply' ? follow : this.#point}
      @mouseover=${which === 'reply' ? follow : nothing}
    >
      ${lines.map((line) =>
        which === 'reply'
          ? lineView(line, text, undefined, line.number === marked?.namedIn)
          : lineView(line, text, line.number === marked?.found?.line ? marked.found : undefined)
      )}
      ${
        leftOut === 0
          ? nothing
          : html`<p class="hl7-left-out">${text('story.linesLeftOut', { count: leftOut })}</p>`
      }
    </div>`
  }

  /** What can be marked, of what a line of the reply names. */
  #placesNamedIn(line: number): ErrorPlace[] {
    const errors = this.#shown?.read.errors ?? []
    return errors
      .filter((error) => error.line === line)
      .flatMap(({ places }) => places)
      .filter(({ found }) => found !== undefined)
  }
}

/**
 * Which character of a line was clicked; undefined if somebody selects, or it is not shown.
 *
 * @param length of the whole line, of which the middle may be left out
 */
function clickedAt(line: HTMLElement, length: number): number | undefined {
  const { anchorNode, anchorOffset, isCollapsed } = getSelection() ?? { anchorNode: null }
  if (anchorNode === null || !isCollapsed || !line.contains(anchorNode)) return undefined
  const range = document.createRange()
  range.selectNodeContents(line)
  const leftOut = line.querySelector('.hl7-left-out')
  if (leftOut?.contains(anchorNode) === true) return undefined
  const isBehind =
    leftOut !== null &&
    (leftOut.compareDocumentPosition(anchorNode) & Node.DOCUMENT_POSITION_FOLLOWING) !== 0
  if (isBehind) {
    range.setStart(anchorNode, anchorOffset)
    return length - range.toString().length
  }
  range.setEnd(anchorNode, anchorOffset)
  return range.toString().length
}

export const sideBySide = directive(SideBySide)
