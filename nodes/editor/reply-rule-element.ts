import { ReplyRulesError } from '../../src/rules/reply-rules.ts'
import {
  hasField,
  hasValue,
  keepsItsMeaning,
  rowActions,
  rowConditions,
  tryReplyRules,
  writeRow,
  type RowAction,
  type RowCondition,
  type RuleRow
} from './reply-rule-row.ts'
import type { RuleText } from './reply-rule-words.ts'

/** The groups of the condition select, each with its first condition. */
const groups: readonly (readonly [group: string, first: RowCondition])[] = [
  ['acknowledgement', 'accepted'],
  ['content', 'errorNumber'],
  ['noAnswer', 'noAnswer'],
  ['own', 'own']
]
const severities = ['I', 'W', 'E', 'F'] as const
/** A value field is at most this many digits wide: the condition before it needs room too. */
const MOST_DIGITS = 18
/** The elements of a rule. */
interface RuleFields {
  condition: HTMLSelectElement
  field: HTMLInputElement
  value: HTMLInputElement
  severity: HTMLSelectElement
  action: HTMLSelectElement
  warn: HTMLInputElement
}

const fieldsOf = new WeakMap<HTMLElement, RuleFields>()
/** The original text of a rule, and the row that it was read into. */
const sources = new WeakMap<HTMLElement, { text: string; row: string }>()

/**
 * Creates the fields of a rule.
 *
 * @param asWritten its text, which is kept until the user changes the rule
 */
export function createRuleElement(
  row: RuleRow,
  asWritten: string | undefined,
  text: RuleText
): HTMLElement {
  const rule = document.createElement('div')
  rule.className = 'hl7-https-rule'
  const fields: RuleFields = {
    condition: conditionSelect(row.condition, text),
    field: input('field', row.field, text('label.ruleField'), 'ERR-3.2'),
    value: input('value', row.value, text('label.ruleValue'), ''),
    severity: select(
      'severity',
      severities.map((letter) => [letter, text(`severity.${letter}`)]),
      row.condition === 'severity' ? row.value : 'W',
      text('label.ruleValue')
    ),
    action: select(
      'action',
      rowActions.map((action) => [action, text(`action.${action === '' ? 'W' : action}`)]),
      row.action,
      text('label.ruleAction')
    ),
    warn: checkbox(row.warn)
  }
  const when = document.createElement('div')
  when.className = 'hl7-https-rule-when'
  when.append(fields.condition, fields.field, fields.value, fields.severity)
  const then = document.createElement('div')
  then.className = 'hl7-https-rule-then'
  const arrow = document.createElement('i')
  arrow.className = 'fa fa-long-arrow-right'
  arrow.setAttribute('aria-hidden', 'true')
  const warning = document.createElement('label')
  warning.append(fields.warn, ` ${text('label.ruleWarn')}`)
  then.append(arrow, fields.action, warning)
  rule.append(when, then)
  fieldsOf.set(rule, fields)
  showRuleFields(rule, text)
  if (asWritten !== undefined) {
    sources.set(rule, { text: asWritten, row: JSON.stringify(rowOf(rule)) })
  }
  return rule
}

/** Shows the fields that suit the rule's condition and action. */
export function showRuleFields(rule: HTMLElement, text: RuleText): void {
  const fields = fieldsOf.get(rule)
  if (fields === undefined) return
  const condition = fields.condition.value as RowCondition
  fields.field.hidden = !hasField(condition)
  fields.severity.hidden = condition !== 'severity'
  fields.value.hidden = !hasValue(condition) || condition === 'severity'
  fields.value.placeholder = hasValue(condition) ? text(`example.${condition}`) : ''
  // As wide as its text, even in capitals. A tooltip shows what does not fit.
  const { value, placeholder } = fields.value
  const width = Math.min((value === '' ? placeholder : value).length * 1.4, MOST_DIGITS)
  fields.value.style.flexBasis = `calc(${width}ch + 18px)`
  fields.value.title = value
  for (const select of [fields.condition, fields.action]) {
    select.title = select.selectedOptions[0]?.text ?? ''
  }
  const warning = fields.warn.closest('label')
  if (warning) warning.hidden = fields.action.value === ''
  rule.classList.toggle('hl7-https-rule-own', condition === 'own')
}

function rowOf(rule: HTMLElement): RuleRow {
  const fields = fieldsOf.get(rule)
  if (fields === undefined) throw new Error('Not a rule')
  const condition = fields.condition.value as RowCondition
  const value = condition === 'severity' ? fields.severity.value : fields.value.value
  return {
    condition,
    field: hasField(condition) ? fields.field.value : '',
    value: hasValue(condition) ? value : '',
    action: fields.action.value as RowAction,
    warn: fields.warn.checked
  }
}

/** The original text of the rule, or a new one if the user has changed it. */
export function ruleText(rule: HTMLElement): string {
  const row = rowOf(rule)
  const source = sources.get(rule)
  return source?.row === JSON.stringify(row) ? source.text : writeRow(row)
}

/** Whether the rule cannot be read, or its value does not suit its condition. */
export function isWrongRule(rule: HTMLElement, written: string): boolean {
  if (tryReplyRules(written) instanceof ReplyRulesError) return true
  return sources.get(rule)?.text !== written && !keepsItsMeaning(rowOf(rule))
}

function conditionSelect(chosen: RowCondition, text: RuleText): HTMLSelectElement {
  const made = select('condition', [], '', text('label.ruleCondition'))
  groups.forEach(([group, first], index) => {
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

function select(
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

function checkbox(checked: boolean): HTMLInputElement {
  const made = document.createElement('input')
  made.type = 'checkbox'
  made.className = 'hl7-https-rule-warn'
  made.checked = checked
  return made
}
