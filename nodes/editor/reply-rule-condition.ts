import type { FormText, OutKey } from './form-text.ts'
import {
  hasField,
  hasValue,
  rowConditions,
  type RowCondition,
  type RowSubject
} from './reply-rule-row.ts'
import { SEVERITIES } from './reply-rule-words.ts'

/** The groups of the condition select, each with its first condition. */
const groups = [
  ['acknowledgement', 'accepted'],
  ['content', 'errorNumber'],
  ['noAnswer', 'noAnswer'],
  ['own', 'own']
] as const satisfies (readonly [group: string, first: RowCondition])[]
/** A value field is at most this many digits wide: the condition before it needs room too. */
const MOST_DIGITS = 21

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
  return {
    line,
    subject: () => {
      const chosen = condition.value as RowCondition
      const compared = chosen === 'severity' ? severity.value : value.value
      return {
        condition: chosen,
        field: hasField(chosen) ? field.value : '',
        value: hasValue(chosen) ? compared : ''
      }
    },
    update: () => {
      const chosen = condition.value as RowCondition
      field.hidden = !hasField(chosen)
      severity.hidden = chosen !== 'severity'
      const isTyped = hasValue(chosen) && chosen !== 'severity'
      value.hidden = !isTyped
      value.placeholder = isTyped ? text(`example.${chosen}`) : ''
      // As wide as its text, even in capitals. A tooltip shows what does not fit.
      const shown = value.value === '' ? value.placeholder : value.value
      const width = Math.min(shown.length * 1.4, MOST_DIGITS)
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
  groups.forEach(([group, first], index) => {
    if (group === 'own' && !own) return
    const next = groups[index + 1]?.[1]
    const from = rowConditions.indexOf(first)
    const to = next === undefined ? rowConditions.length : rowConditions.indexOf(next)
    const element = document.createElement('optgroup')
    element.label = text(`conditionGroup.${group}`)
    for (const condition of rowConditions.slice(from, to)) {
      element.append(new Option(text(`condition.${condition}`), condition))
    }
    made.append(element)
  })
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
