import { html, nothing, type TemplateResult } from 'lit-html'
import type { FormText, OutKey } from '../../src/form-text.ts'
import {
  conditions,
  hasField,
  hasValue,
  rowConditions,
  type RowCondition,
  type RowSubject
} from '../rules/reply-rule-row.ts'
import { SEVERITIES } from '../rules/reply-rule-words.ts'

/** A value field is at most this many digits wide: the condition before it needs room too. */
const MOST_DIGITS = 21
/** A longer value, such as seven statuses, has a line of its own. */
const LONG_VALUE = 30
/** In which it is at most this many digits wide. */
const MOST_DIGITS_ALONE = 28

/** The condition of a rule, or its second one. */
export interface ShownCondition {
  subject: RowSubject
  /** It may be written as text. */
  mayBeOwn: boolean
  isHidden: boolean
  /** What is typed does not suit it, or cannot be read. */
  isWrong: boolean
  change: (part: Partial<RowSubject>) => void
  before?: TemplateResult
  after: TemplateResult
}

/** The line of a condition: which one, and the fields that suit it. */
export function conditionLine(
  { after, before, change, isHidden, isWrong, mayBeOwn, subject }: ShownCondition,
  text: FormText<OutKey>
): TemplateResult {
  const { condition, field, value } = subject
  const isSeverity = condition === 'severity'
  const example = hasValue(condition) && !isSeverity ? text(`example.${condition}`) : ''
  const isTyped = hasValue(condition) && !isSeverity
  // As wide as its text, even in capitals. A tooltip shows what does not fit.
  const { length } = value || example
  const isLong = isTyped && length > LONG_VALUE
  const width = Math.min(length * 1.4, isLong ? MOST_DIGITS_ALONE : MOST_DIGITS)
  return html`<div
    class="hl7-https-rule-line ${isLong ? 'hl7-https-rule-long' : ''}"
    ?hidden=${isHidden}
  >
    ${before ?? nothing}
    <select
      class="hl7-https-rule-condition"
      aria-label=${text('label.ruleCondition')}
      title=${text(`condition.${condition}`)}
      @change=${({ target }: Event) => {
        const chosen = (target as HTMLSelectElement).value as RowCondition
        // A severity is chosen from a list, any other value typed.
        const isOther = (chosen === 'severity') !== isSeverity
        const first = chosen === 'severity' ? 'W' : ''
        change({ condition: chosen, ...(isOther && { value: first }) })
      }}
    >
      ${groups(mayBeOwn).map(
        ([group, members]) =>
          html`<optgroup label=${text(`conditionGroup.${group}`)}>
            ${members.map(
              (one) =>
                html`<option value=${one} .selected=${one === condition}>
                  ${text(`condition.${one}`)}
                </option>`
            )}
          </optgroup>`
      )}
    </select>
    ${textField('field', field, 'ERR-3.2', !hasField(condition), '')}
    ${textField('value', value, example, !isTyped, `flex-basis: calc(${width}ch + 18px)`)}
    <select
      class="hl7-https-rule-severity"
      aria-label=${text('label.ruleValue')}
      ?hidden=${!isSeverity}
      @change=${({ target }: Event) => {
        change({ value: (target as HTMLSelectElement).value })
      }}
    >
      ${SEVERITIES.map(
        (letter) =>
          html`<option value=${letter} .selected=${letter === (isSeverity ? value : 'W')}>
            ${text(`severity.${letter}`)}
          </option>`
      )}
    </select>
    ${after}
  </div>`

  function textField(
    name: 'field' | 'value',
    typed: string,
    placeholder: string,
    hidden: boolean,
    style: string
  ): TemplateResult {
    const isMarked = isWrong && !hidden
    return html`<input
      type="text"
      class="hl7-https-rule-${name} ${isMarked ? 'input-error' : ''}"
      aria-label=${text(name === 'field' ? 'label.ruleField' : 'label.ruleValue')}
      aria-invalid=${isMarked ? 'true' : nothing}
      placeholder=${placeholder}
      spellcheck="false"
      style=${style}
      title=${typed}
      ?hidden=${hidden}
      .value=${typed}
      @input=${({ target }: Event) => {
        change({ [name]: (target as HTMLInputElement).value })
      }}
    />`
  }
}

/** The conditions by their groups. */
function groups(mayBeOwn: boolean): [(typeof conditions)[RowCondition]['group'], RowCondition[]][] {
  const offered = rowConditions.filter((one) => mayBeOwn || one !== 'own')
  const names = [...new Set(offered.map((one) => conditions[one].group))]
  return names.map((name) => [name, offered.filter((one) => conditions[one].group === name)])
}
