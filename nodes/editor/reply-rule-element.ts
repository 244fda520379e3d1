import { html, nothing, render, type TemplateResult } from 'lit-html'
import type { ReplyRule } from '../../src/rules/reply-rules.ts'
import { ReplyRulesError } from '../../src/rules/reply-rules-error.ts'
import type { RuleFinding } from '../../src/rules/try-rules.ts'
import type { FormText, OutKey } from '../../src/form-text.ts'
import { conditionLine } from './reply-rule-condition.ts'
import {
  hasField,
  hasValue,
  isRetry,
  keepsItsMeaning,
  rowActions,
  tryReplyRules,
  UNCHOSEN,
  unfinishedRule,
  writeRow,
  type RowAction,
  type RowSubject,
  type RuleRow
} from '../rules/reply-rule-row.ts'

/** A second condition begins with this one: what an error is about is asked most often. */
const SECOND: RowSubject = { condition: 'errorNumber', field: '', value: '' }

/** What a rule makes of an answer, in words. */
export interface SaidOfRule {
  state: RuleFinding['state']
  words: string
}

const signs = {
  decides: 'fa-check-circle',
  warns: 'fa-exclamation-triangle',
  unreached: 'fa-minus',
  unasked: 'fa-minus',
  no: 'fa-times'
} as const satisfies Record<RuleFinding['state'], string>

/** A rule in the list: its fields, drawn from what was chosen and typed. */
export class RuleElement {
  /** Reports each change as `change` or `input`. */
  readonly element = document.createElement('div')
  readonly #text: FormText<OutKey>
  /** Its original text, until the user changes the rule. */
  readonly #asWritten: string | undefined
  /** As it was then. */
  readonly #readAs: string
  /** What was chosen and typed, also where another choice does not need it. */
  #typed: RuleRow
  /** A value does not suit its condition, or cannot be read. */
  #isWrong = false
  #note = ''
  #said: SaidOfRule | undefined

  constructor(given: RuleRow, asWritten: string | undefined, text: FormText<OutKey>) {
    this.#text = text
    this.#asWritten = asWritten
    this.#typed = given
    this.#readAs = JSON.stringify(this.#row())
    this.#draw()
  }

  /** The original text of the rule, or a new one if the user has changed it. */
  text(): string {
    const row = this.#row()
    const isAsRead = this.#asWritten !== undefined && JSON.stringify(row) === this.#readAs
    return isAsRead ? this.#asWritten : writeRow(row)
  }

  /** The rule; while it is being made, with something in place of what is missing. */
  rule(): ReplyRule | undefined {
    return unfinishedRule(this.#row())
  }

  /** Whether no action was chosen yet. */
  lacksAction(): boolean {
    return this.#typed.action === UNCHOSEN
  }

  /**
   * Marks the fields that contain a mistake.
   *
   * @returns whether a value does not suit its condition: what the parser finds is explained elsewhere
   */
  mark(): boolean {
    const row = { ...this.#row(), action: 'F' as const }
    const now = this.lacksAction() ? writeRow(row) : this.text()
    const isUnreadable = tryReplyRules(now) instanceof ReplyRulesError
    const isUnfit = !isUnreadable && this.#asWritten !== now && !keepsItsMeaning(row)
    this.#isWrong = isUnreadable || isUnfit
    this.#draw()
    return isUnfit
  }

  /** Says in yellow what is doubtful about its place among the others; an empty text removes that. */
  warn(words: string): void {
    this.#note = words
    this.#draw()
  }

  /** Says what it makes of the answer that rules are tried with; undefined removes that. */
  showTrial(said: SaidOfRule | undefined): void {
    this.#said = said
    this.#draw()
  }

  /** Of what was typed, what the conditions and the action need. */
  #row(): RuleRow {
    const { action, and, count = '', warn, ...subject } = this.#typed
    return {
      ...needed(subject),
      ...(and !== undefined && subject.condition !== 'own' && { and: needed(and) }),
      action,
      ...(isRetry(action) && count.trim() !== '' && { count }),
      warn
    }
  }

  #change(part: Partial<RuleRow>): void {
    this.#typed = { ...this.#typed, ...part }
    this.#draw()
  }

  #draw(): void {
    const { and, condition } = this.#typed
    const isOwn = condition === 'own'
    this.element.className = `hl7-https-rule${isOwn ? ' hl7-https-rule-own' : ''}`
    render(
      html`<div class="hl7-https-rule-when">
          ${this.#first()} ${and === undefined ? nothing : this.#second(and, isOwn)}
        </div>
        ${this.#then()}
        <div
          class="form-tips hl7-https-rule-note"
          role="status"
          ?hidden=${this.#note === ''}
          .textContent=${this.#note}
        ></div>
        ${this.#trial()}`,
      this.element
    )
  }

  #first(): TemplateResult {
    const text = this.#text
    const { and, condition, field, value } = this.#typed
    return conditionLine(
      {
        subject: { condition, field, value },
        mayBeOwn: true,
        isHidden: false,
        isWrong: this.#isWrong,
        change: (part) => {
          this.#change(part)
        },
        after: html`<button
          type="button"
          class="red-ui-button red-ui-button-small hl7-https-rule-and"
          title=${text('label.addCondition')}
          ?hidden=${condition === 'own' || and !== undefined}
          @click=${() => {
            this.#change({ and: SECOND })
            this.#reportChange()
            this.element.querySelectorAll<HTMLElement>('.hl7-https-rule-condition')[1]?.focus()
          }}
        >
          ${text('label.ruleAnd')}
        </button>`
      },
      text
    )
  }

  #second(and: RowSubject, isHidden: boolean): TemplateResult {
    const text = this.#text
    return conditionLine(
      {
        subject: and,
        mayBeOwn: false,
        isHidden,
        isWrong: this.#isWrong,
        change: (part) => {
          this.#change({ and: { ...and, ...part } })
        },
        before: html`<span>${text('label.ruleAnd')}</span>`,
        after: html`<button
          type="button"
          class="red-ui-button red-ui-button-small hl7-https-rule-without"
          title=${text('label.removeCondition')}
          aria-label=${text('label.removeCondition')}
          @click=${() => {
            const { and: _, ...rest } = this.#typed
            this.#typed = rest
            this.#draw()
            this.#reportChange()
            this.element.querySelector<HTMLElement>('.hl7-https-rule-and')?.focus()
          }}
        >
          <i class="fa fa-remove" aria-hidden="true"></i>
        </button>`
      },
      text
    )
  }

  #then(): TemplateResult {
    const text = this.#text
    const { action, count = '', warn } = this.#typed
    const isMissing = action === UNCHOSEN
    return html`<div class="hl7-https-rule-then">
      <i class="fa fa-long-arrow-right" aria-hidden="true"></i>
      <select
        class="hl7-https-rule-action ${isMissing ? 'input-error' : ''}"
        aria-label=${text('label.ruleAction')}
        aria-invalid=${isMissing ? 'true' : nothing}
        title=${text(`action.${isMissing ? 'choose' : action || 'W'}`)}
        @change=${({ target }: Event) => {
          this.#change({ action: (target as HTMLSelectElement).value as RowAction })
        }}
      >
        ${isMissing ? html`<option value=${UNCHOSEN} hidden .selected=${true}>${text('action.choose')}</option>` : nothing}
        ${rowActions.map(
          (one) =>
            html`<option value=${one} .selected=${one === action}>
              ${text(`action.${one || 'W'}`)}
            </option>`
        )}
      </select>
      <label class="hl7-https-rule-times" ?hidden=${!isRetry(action)}
        ><input
          type="text"
          class="hl7-https-rule-count ${this.#isWrong && isRetry(action) ? 'input-error' : ''}"
          inputmode="numeric"
          maxlength="3"
          placeholder="∞"
          title=${text('hint.ruleCount')}
          aria-label=${text('label.ruleCount')}
          .value=${count}
          @input=${({ target }: Event) => {
            this.#change({ count: (target as HTMLInputElement).value })
          }}
        />
        ×</label
      >
      <label ?hidden=${action === '' || isMissing}
        ><input
          type="checkbox"
          class="hl7-https-rule-warn"
          .checked=${warn}
          @change=${({ target }: Event) => {
            this.#change({ warn: (target as HTMLInputElement).checked })
          }}
        />
        ${text('label.ruleWarn')}</label
      >
    </div>`
  }

  #trial(): TemplateResult | typeof nothing {
    if (this.#said === undefined) return nothing
    const { state, words } = this.#said
    return html`<div class="hl7-https-rule-trial hl7-https-tried-${state}">
      <i class="fa ${signs[state]}" aria-hidden="true"></i> ${words}
    </div>`
  }

  #reportChange(): void {
    this.element.dispatchEvent(new Event('change', { bubbles: true }))
  }
}

/** Without what its condition does not need. */
function needed({ condition, field, value }: RowSubject): RowSubject {
  return {
    condition,
    field: hasField(condition) ? field : '',
    value: hasValue(condition) ? value : ''
  }
}
