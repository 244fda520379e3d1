import { html, nothing, type TemplateResult } from 'lit-html'
import { repeat } from 'lit-html/directives/repeat.js'
import { parseReplyRules, type ReplyRules } from '../../../src/rules/reply-rules.ts'
import { printable } from '../../../src/printable.ts'
import { exampleAnswer, trialExamples, type TrialExample } from '../../rules/trial-examples.ts'
import { trialWords, type TrialWords } from '../../rules/trial-words.ts'
import { tryAnswer, type TriedAnswer } from '../../rules/rule-trial.ts'
import { TRIED_ID, triedMessage, USUAL_TYPE } from '../../tests/test-sample.ts'
import type { NodeState } from '../answers.ts'
import type { Desk } from './desk.ts'

/** Longer texts are no replies of a receiver. */
const MOST_TEXT = 1_048_576

/** The message that a test sends, which a reply is compared with. */
const SENT = triedMessage(USUAL_TYPE)

/** *Try the rules*: a reply, pasted or chosen, and what the deployed rules make of it. Nothing is asked or sent. */
export class TryRules {
  readonly #desk: Desk
  #isOpen = false
  #chosen: TrialExample | 'own' = 'AE'
  #answer: TriedAnswer = exampleAnswer('AE', TRIED_ID)
  #again = false
  #node: NodeState | undefined
  #trial: TrialWords | undefined

  constructor(desk: Desk) {
    this.#desk = desk
  }

  /** Another node, perhaps, or other rules. */
  show(node: NodeState): void {
    const { rules, ruleSettings } = node
    const isSame =
      rules === this.#node?.rules &&
      JSON.stringify(ruleSettings) === JSON.stringify(this.#node.ruleSettings)
    this.#node = node
    if (!isSame) void this.#try()
  }

  view(): TemplateResult | typeof nothing {
    const { ruleText } = this.#desk
    const { ruleSettings } = this.#node ?? {}
    // Not set up, or of an earlier runtime.
    if (!ruleSettings) return nothing
    const answer = this.#answer
    return html`<details
      class="hl7-try"
      id="hl7-try-rules"
      @toggle=${({ target }: Event) => {
        this.#isOpen = (target as HTMLDetailsElement).open
        void this.#try()
      }}
    >
      <summary>${ruleText('try.title')}</summary>
      <p class="hl7-count">${ruleText('try.hint')}</p>
      <label for="hl7-try-answer">${ruleText('try.answer')}</label>
      <select
        id="hl7-try-answer"
        @change=${({ target }: Event) => {
          this.#choose((target as HTMLSelectElement).value as TrialExample | 'own')
        }}
      >
        ${[...trialExamples, 'own' as const].map(
          (one) =>
            html`<option value=${one} .selected=${one === this.#chosen}>
              ${ruleText(`tryExample.${one}`)}
            </option>`
        )}
      </select>
      ${answer.failure === undefined ? this.#fields(answer) : nothing}
      <label class="hl7-try-again"
        ><input
          type="checkbox"
          .checked=${this.#again}
          @change=${({ target }: Event) => {
            this.#again = (target as HTMLInputElement).checked
            void this.#try()
          }}
        />
        ${ruleText('try.again')}</label
      >
      ${ruleSettings.hasReplyPath ? html`<p class="hl7-count">${ruleText('try.replyPath')}</p>` : nothing}
      <div role="status">${this.#trial === undefined ? nothing : this.#result(this.#trial)}</div>
      ${this.#trial === undefined ? nothing : this.#list(this.#trial)}
    </details>`
  }

  #fields({
    contentType,
    status,
    text
  }: Exclude<TriedAnswer, { failure: string }>): TemplateResult {
    const { ruleText } = this.#desk
    const value = ({ target }: Event): string =>
      (target as HTMLInputElement | HTMLTextAreaElement).value
    return html`<label for="hl7-try-status">${ruleText('try.status')}</label>
      <input
        type="text"
        id="hl7-try-status"
        inputmode="numeric"
        maxlength="3"
        .value=${String(status)}
        @change=${(event: Event) => {
          this.#change({ status: Number(value(event)) || 200 })
        }}
      />
      <label for="hl7-try-type">${ruleText('try.contentType')}</label>
      <input
        type="text"
        id="hl7-try-type"
        spellcheck="false"
        .value=${contentType}
        @input=${(event: Event) => {
          this.#change({ contentType: value(event) })
        }}
      />
      <label for="hl7-try-text">${ruleText('try.text')}</label>
      <textarea
        id="hl7-try-text"
        rows="5"
        spellcheck="false"
        autocomplete="off"
        maxlength=${MOST_TEXT}
        .value=${text}
        @input=${(event: Event) => {
          this.#change({ text: value(event) })
        }}
      ></textarea>`
  }

  #result({ decider, following, isGood }: TrialWords): TemplateResult {
    return html`<p class="hl7-do" data-level=${isGood ? 'good' : 'warn'}>${decider}</p>
      <p>${following}</p>`
  }

  #list({ compared, rules }: TrialWords): TemplateResult {
    const { ruleText } = this.#desk
    return html`<ol class="hl7-tried" aria-label=${ruleText('try.list')}>
        ${repeat(
          rules,
          (_, at) => at,
          ({ state, text, words }) =>
            html`<li data-state=${state}><code>${printable(text, 120)}</code> ${words}</li>`
        )}
      </ol>
      <p class="hl7-count">${ruleText('try.compared')}: ${compared}</p>`
  }

  #choose(what: TrialExample | 'own'): void {
    this.#chosen = what
    if (what !== 'own') this.#answer = exampleAnswer(what, TRIED_ID)
    else if (this.#answer.failure !== undefined) {
      this.#answer = { status: 200, contentType: '', text: '' }
    }
    void this.#try()
  }

  #change(part: Partial<{ status: number; contentType: string; text: string }>): void {
    if (this.#answer.failure !== undefined) return
    this.#answer = { ...this.#answer, ...part }
    this.#chosen = 'own'
    void this.#try()
  }

  async #try(): Promise<void> {
    const { ruleSettings, rules = '', token = null } = this.#node ?? {}
    const answer = this.#answer
    const read = this.#isOpen ? rulesOf(rules) : undefined
    if (read === undefined || !ruleSettings) this.#trial = undefined
    else {
      const { failureTimeoutMs, ...times } = ruleSettings
      const trial = await tryAnswer(answer, {
        ...times,
        failureTimeoutMs: failureTimeoutMs ?? Infinity,
        rules: read,
        reply: {},
        hasToken: token !== null,
        sent: SENT,
        again: this.#again
      })
      // Something else was chosen meanwhile.
      if (answer !== this.#answer) return
      const { language, ruleText } = this.#desk
      this.#trial = trialWords(trial, ruleText, language)
    }
    await this.#desk.draw()
  }
}

/** Undefined if they cannot be read: the runtime may know more of the language than a page that has been open for days. */
function rulesOf(text: string): ReplyRules | undefined {
  try {
    return parseReplyRules(text)
  } catch {
    return undefined
  }
}
