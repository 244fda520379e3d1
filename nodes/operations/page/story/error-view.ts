import { html, nothing, type TemplateResult } from 'lit-html'
import { STANDARD_CODES } from '../../../../src/hl7/acknowledgement-codes.ts'
import { ERROR_CODES } from '../../../../src/hl7/error-codes.ts'
import { printableProse } from '../../../../src/printable.ts'
import { severityWords } from '../../../rules/reply-rule-words.ts'
import type { Desk } from '../desk.ts'
import type { ErrorPlace, PlacedError } from './read-texts.ts'
import type { ReadProblem } from './problem-reading.ts'
import type { ReadAnswer } from './reply-reading.ts'

/** So much of a text of the receiver is shown, in characters. */
const MOST = 1000

/** MSA: `AE error, of message OB-17: Patient unknown` */
export function answerView(
  { code, controlId, text: said }: ReadAnswer,
  sent: string,
  { text }: Desk
): TemplateResult {
  const known = STANDARD_CODES.find((one) => one === code)
  const words = [
    known === undefined ? '' : text(`story.ackCode.${known}`),
    controlId === sent ? '' : text('story.ofMessage', { controlId: printableProse(controlId, 199) })
  ].filter(Boolean)
  return html`<p class="hl7-answer">
    <b>${printableProse(code, 20)}</b> ${words.join(', ')}
    ${said === '' ? nothing : html`<q>${printableProse(said, MOST)}</q>`}
  </p>`
}

/** Of a reply in JSON: `invalid “Content could not be parsed”` */
export function problemView({ code, text: said }: ReadProblem): TemplateResult {
  return html`<p class="hl7-answer">
    ${code === '' ? nothing : html`<b>${printableProse(code, 40)}</b>`}
    ${said === '' ? nothing : html`<q>${printableProse(said, MOST)}</q>`}
  </p>`
}

export interface ErrorOptions {
  desk: Desk
  /** Whether there is a request in which places can be shown. */
  hasRequest: boolean
  marked: ErrorPlace | undefined
  /** Marks a place; `isPressed` if somebody wants to go there. */
  mark: (place: ErrorPlace, isPressed: boolean) => void
}

/** One error of the reply: first what it says in words, then its code and the places that it is about. */
export function errorView(error: PlacedError, options: ErrorOptions): TemplateResult {
  const { text, ruleText } = options.desk
  const { code, codeText, diagnostic, originalText = '', places, severity, userMessage } = error
  const words = ERROR_CODES.get(code) ?? ''
  const title = [code, words].filter(Boolean).join(' ')
  const own = codeText === words ? '' : codeText
  const field = (name: 'userMessage' | 'diagnostic' | 'originalText', value: string): unknown =>
    value === ''
      ? nothing
      : html`<dt>${text(`story.${name}`)}</dt>
          <dd>${printableProse(value, MOST)}</dd>`
  const first = places.find(({ found }) => found !== undefined)
  return html`<li
    class="hl7-error"
    @mouseenter=${() => {
      if (first !== undefined && !places.some((place) => place === options.marked)) {
        options.mark(first, false)
      }
    }}
  >
    <dl>${field('userMessage', userMessage)} ${field('diagnostic', diagnostic)}</dl>
    <p>
      <b>${printableProse(title, MOST)}</b>
      ${severity === '' ? nothing : html`(${severityWords(printableProse(severity, 20), ruleText)})`}
      ${own === '' ? nothing : html`<q>${printableProse(own, MOST)}</q>`}
    </p>
    ${placesView(error, options)}
    <dl>${field('originalText', originalText)}</dl>
  </li>`
}

function placesView({ location, places }: PlacedError, options: ErrorOptions): unknown {
  const { text } = options.desk
  if (location === '') return nothing
  if (places.length === 0) {
    return html`<p>${text('story.noPlace', { location: printableProse(location, 200) })}</p>`
  }
  return places.map((place) =>
    place.found === undefined
      ? html`<p>
          ${options.hasRequest ? text('story.missing', { place: place.name }) : place.name}
        </p>`
      : placeButton(place, options)
  )
}

function placeButton(place: ErrorPlace, { desk, marked, mark }: ErrorOptions): TemplateResult {
  const { text } = desk
  const { name, value } = place
  return html`<button
    type="button"
    class="hl7-place"
    aria-pressed=${place === marked ? 'true' : 'false'}
    @click=${() => {
      mark(place, true)
    }}
    @focus=${() => {
      mark(place, false)
    }}
    @mouseenter=${() => {
      mark(place, false)
    }}
  >
    ${
      value === '' ? text('story.empty', { place: name }) : text('story.at', { place: name, value })
    }
  </button>`
}
