import { html, nothing, render, type TemplateResult } from 'lit-html'
import type { OutKey } from '../../src/form-text.ts'
import { exampleAnswer, trialExamples, type TrialExample } from '../rules/trial-examples.ts'
import { trialWords, type TrialWords } from '../rules/trial-words.ts'
import { sentHeaders, tryAnswer, type TriedAnswer } from '../rules/rule-trial.ts'
import { elementOf } from './element-of.ts'
import type { Form } from './form.ts'
import type { ReplyTab } from './reply-tab.ts'
import { testedMessage, trialSettings } from './trial-settings.ts'

const prefix = 'hl7-https-out-try'

/** What the last test sent, and what came back. */
export interface LastTest {
  /** The message as HL7 text. */
  message: string
  status: number
  contentType: string
  reply: string
}

/**
 * *Try the rules*: a reply, pasted or chosen, and what the rules of the form make of it, rule by rule, while both are
 * changed. Nothing is sent.
 */
export class TryRules {
  readonly #form: Form<OutKey>
  readonly #rules: ReplyTab
  readonly #details = elementOf(prefix, HTMLDetailsElement)
  readonly #body = elementOf(`${prefix}-body`, HTMLElement)
  #chosen: TrialExample | 'last' | 'own' = 'AE'
  #answer: TriedAnswer
  #again = false
  #last: LastTest | undefined
  /** What is shown was made of this. */
  #made = ''
  #said: TrialWords | undefined
  /** The rules are in sight: what each says stands there. */
  #isListed = false

  constructor(form: Form<OutKey>, rules: ReplyTab) {
    this.#form = form
    this.#rules = rules
    this.#answer = this.#exampleOf('AE')
    this.#draw()
    const update = (): void => {
      void this.#update()
    }
    this.#details.addEventListener('toggle', update)
    $(form.root()).on('change keyup input click sortstop', update)
  }

  /** A test has ended: its reply can be tried with other rules. */
  showLastTest(last: LastTest): void {
    this.#last = last
    this.#choose('last')
    void this.#update()
  }

  #choose(what: TrialExample | 'last' | 'own'): void {
    this.#chosen = what
    if (what === 'last') {
      const { contentType = '', reply = '', status = 200 } = this.#last ?? {}
      this.#answer = { status, contentType, text: reply.replace(/\r\n?/g, '\n') }
    } else if (what !== 'own') this.#answer = this.#exampleOf(what)
    this.#draw()
  }

  #exampleOf(example: TrialExample): TriedAnswer {
    return exampleAnswer(example, sentHeaders(this.#sent()).controlId)
  }

  /** What the reply is compared with: the last test's message, else the one that a test would send. */
  #sent(): string {
    return this.#last?.message ?? testedMessage()
  }

  async #update(): Promise<void> {
    if (!this.#form.isOpen() || !this.#body.isConnected) return
    const isOpen = this.#details.open
    const rules = isOpen ? this.#rules.rules() : undefined
    const settings = rules && {
      ...trialSettings(this.#form, rules, this.#sent()),
      again: this.#again
    }
    const isListed = this.#rules.isListed()
    const made = JSON.stringify([isOpen, settings, this.#answer, isListed])
    if (made === this.#made) return
    this.#made = made
    const trial = settings && (await tryAnswer(withStatus(this.#answer), settings))
    // It may have been changed meanwhile.
    if (this.#made !== made) return
    this.#said = trial && trialWords(trial, this.#form.text, RED.i18n.lang())
    this.#isListed = isListed
    this.#rules.showTrial(isListed ? (this.#said?.rules ?? []) : [])
    this.#draw()
  }

  #draw(): void {
    const said = this.#said
    render(
      html`${this.#fields()}
        <div class="form-row">
          <div
            class="hl7-https-result ${said === undefined ? '' : said.isGood ? 'hl7-https-good' : 'hl7-https-bad'}"
            id="${prefix}-result"
            role="status"
          >
            ${said === undefined ? this.#unreadable() : this.#result(said)}
          </div>
          ${said === undefined || this.#isListed ? nothing : this.#list(said)}
        </div>`,
      this.#body
    )
  }

  #fields(): TemplateResult {
    const { text } = this.#form
    const isOffered = { last: this.#last !== undefined, own: this.#chosen === 'own' }
    const options = (['last', 'own'] as const).filter((one) => isOffered[one])
    return html`<div class="hl7-https-hint hl7-https-wide">${text('try.hint')}</div>
      <div class="form-row">
        <label for="${prefix}-answer"
          ><i class="fa fa-reply"></i> <span>${text('try.answer')}</span></label
        >
        <select
          id="${prefix}-answer"
          @change=${({ target }: Event) => {
            this.#choose((target as HTMLSelectElement).value as TrialExample | 'last' | 'own')
          }}
        >
          ${[...trialExamples, ...options].map(
            (one) =>
              html`<option value=${one} .selected=${one === this.#chosen}>
                ${text(`tryExample.${one}`)}
              </option>`
          )}
        </select>
      </div>
      ${this.#answer.failure === undefined ? this.#reply(this.#answer) : nothing}
      <div class="form-row hl7-https-check">
        <input
          type="checkbox"
          id="${prefix}-again"
          .checked=${this.#again}
          @change=${({ target }: Event) => {
            this.#again = (target as HTMLInputElement).checked
          }}
        />
        <label for="${prefix}-again">${text('try.again')}</label>
      </div>`
  }

  #reply({
    contentType,
    status,
    text: body
  }: Exclude<TriedAnswer, { failure: string }>): TemplateResult {
    const { text } = this.#form
    const change =
      (part: (value: string) => Partial<{ status: number; contentType: string; text: string }>) =>
      ({ target }: Event) => {
        const { value } = target as HTMLInputElement | HTMLTextAreaElement
        this.#answer = { contentType, status, text: body, ...part(value) }
        this.#choose('own')
      }
    return html`<div class="form-row">
        <label for="${prefix}-status"><span>${text('try.status')}</span></label>
        <input
          type="text"
          inputmode="numeric"
          maxlength="3"
          id="${prefix}-status"
          class="hl7-https-number"
          .value=${status === 0 ? '' : String(status)}
          @input=${change((value) => ({ status: Number(value) || 0 }))}
        />
      </div>
      <div class="form-row">
        <label for="${prefix}-type"><span>${text('try.contentType')}</span></label>
        <input
          type="text"
          id="${prefix}-type"
          spellcheck="false"
          .value=${contentType}
          @input=${change((value) => ({ contentType: value }))}
        />
      </div>
      <div class="form-row">
        <label for="${prefix}-text"><span>${text('try.text')}</span></label>
        <textarea
          id="${prefix}-text"
          rows="5"
          spellcheck="false"
          maxlength="1048576"
          .value=${body}
          @input=${change((value) => ({ text: value }))}
        ></textarea>
      </div>`
  }

  #unreadable(): string | typeof nothing {
    const isUnread = this.#details.open && this.#rules.rules() === undefined
    return isUnread ? this.#form.text('tried.unreadable') : nothing
  }

  #result({ compared, decider, following, isGood }: TrialWords): TemplateResult {
    const { text } = this.#form
    const sign = isGood ? 'fa-check-circle' : 'fa-exclamation-circle'
    return html`<div class="hl7-https-result-title">
        <i class="fa ${sign}" aria-hidden="true"></i> ${decider}
      </div>
      <dl>
        <dt>${text('try.follows')}</dt>
        <dd>${following}</dd>
        <dt>${text('try.compared')}</dt>
        <dd>${compared}</dd>
      </dl>`
  }

  #list({ rules }: TrialWords): TemplateResult {
    return html`<ol id="${prefix}-list" aria-label=${this.#form.text('try.list')}>
      ${rules.map(
        ({ state, text, words }) =>
          html`<li class="hl7-https-tried-${state}"><code>${text}</code> ${words}</li>`
      )}
    </ol>`
  }
}

/** One without a status, while it is typed, is a 200. */
function withStatus(answer: TriedAnswer): TriedAnswer {
  return answer.failure === undefined ? { ...answer, status: answer.status || 200 } : answer
}
