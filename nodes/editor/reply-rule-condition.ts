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

/** The fields of one condition of a rule. */
export interface ConditionFields {
  line: HTMLElement
  /** What they contain. */
  subject: () => RowSubject
  /** Shows the fields that suit the condition. */
  update: () => void
}

/** Creates the fields of one condition. @param own whether it may be written as text */
export function createCondition(
  given: RowSubject,
  text: FormText<OutKey>,
  { own }: { own: boolean }
): ConditionFields {
  const condition = conditionSelect(given.condition, own, text)
  const field = input('field', given.field, text('label.ruleField'), 'ERR-3.2')
  const value = input('value', given.value, text('label.ruleValue'), '')
  const severity = select(
    'severity',
    SEVERITIES.map((letter) => [letter, text(`severity.${letter}`)]),
    given.condition === 'severity' ? given.value : 'W',
    text('label.ruleValue')
  )
  const line = document.createElement('div')
  line.className = 'hl7-https-rule-line'
  line.append(condition, field, value, severity)
  const chosen = (): RowCondition => condition.value as RowCondition
  return {
    line,
    subject: () => {
      const compared = chosen() === 'severity' ? severity : value
      return {
        condition: chosen(),
        field: hasField(chosen()) ? field.value : '',
        value: hasValue(chosen()) ? compared.value : ''
      }
    },
    update: () => {
      const shown = chosen()
      field.hidden = !hasField(shown)
      severity.hidden = shown !== 'severity'
      value.hidden = !hasValue(shown) || shown === 'severity'
      value.placeholder = hasValue(shown) && shown !== 'severity' ? text(`example.${shown}`) : ''
      // As wide as its text, even in capitals. A tooltip shows what does not fit.
      const { length } = value.value || value.placeholder
      const isLong = !value.hidden && length > LONG_VALUE
      line.classList.toggle('hl7-https-rule-long', isLong)
      const width = Math.min(length * 1.4, isLong ? MOST_DIGITS_ALONE : MOST_DIGITS)
      value.style.flexBasis = `calc(${width}ch + 18px)`
      value.title = value.value
      condition.title = condition.selectedOptions[0]?.text ?? ''
    }
  }
}

function conditionSelect(
  chosen: RowCondition,
  own: boolean,
  text: FormText<OutKey>
): HTMLSelectElement {
  const made = select('condition', [], '', text('label.ruleCondition'))
  let group: HTMLOptGroupElement | undefined
  for (const condition of rowConditions) {
    if (condition === 'own' && !own) continue
    const label = text(`conditionGroup.${conditions[condition].group}`)
    if (group?.label !== label) {
      group = document.createElement('optgroup')
      group.label = label
      made.append(group)
    }
    group.append(new Option(text(`condition.${condition}`), condition))
  }
  made.value = chosen
  return made
}

/** A select of a rule. */
export function select(
  name: string,
  options: readonly (readonly [string, string])[],
  chosen: string,
  label: string
): HTMLSelectElement {
  const made = document.createElement('select')
  made.className = `hl7-https-rule-${name}`
  made.setAttribute('aria-label', label)
  for (const [value, words] of options) made.append(new Option(words, value))
  made.value = chosen
  return made
}

function input(name: string, value: string, label: string, example: string): HTMLInputElement {
  const made = document.createElement('input')
  made.type = 'text'
  made.className = `hl7-https-rule-${name}`
  made.value = value
  made.placeholder = example
  made.spellcheck = false
  made.setAttribute('aria-label', label)
  return made
}
