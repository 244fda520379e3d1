import {
  DEFAULT_REPLY_RULES,
  parseReplyRules,
  ReplyRulesError,
  type ReplyRule
} from '../../src/delivery/reply-rules.ts'
import { createUnderline } from './mistake-underline.ts'
import { presetOf, replyRulePresets, type ReplyRulePreset } from './reply-rule-presets.ts'
import {
  hasField,
  hasValue,
  keepsItsMeaning,
  readRow,
  rowActions,
  rowConditions,
  writeRow,
  type RowAction,
  type RowCondition,
  type RuleRow
} from './reply-rule-row.ts'
import { rulesWords, type RuleText } from './reply-rule-words.ts'

/** The conditions of the select, in groups. */
const groups: readonly (readonly [group: string, first: RowCondition])[] = [
  ['acknowledgement', 'accepted'],
  ['content', 'errorNumber'],
  ['noAnswer', 'noAnswer'],
  ['own', 'own']
]
const severities = ['I', 'W', 'E', 'F'] as const
const prefix = 'hl7-https-out-rules'

/** The rules of an open form. */
export interface ReplyRulesView {
  /** Writes what is still under way; to be called in `oneditsave`. */
  save: () => void
}

/**
 * Shows the reply rules as a list, beside their text. The text area is what is saved: the list is
 * read from it, and only a change in the list writes it anew.
 */
export function prepareReplyRules(text: RuleText): ReplyRulesView | undefined {
  const area = document.getElementById('node-input-replyCodeActions')
  const listElement = document.getElementById(`${prefix}-list`)
  const preset = document.getElementById(`${prefix}-preset`)
  if (!(area instanceof HTMLTextAreaElement) || listElement === null) return undefined
  if (!(preset instanceof HTMLSelectElement)) return undefined
  const list = $(listElement)
  const underline = createUnderline(area)
  area.placeholder = DEFAULT_REPLY_RULES
  /** The rules of the author's own, to come back to from a preset. */
  let own = presetOf(area.value) === undefined ? area.value : ''
  /** What the list was read from or has written. */
  let listed: string | undefined
  /** A field that is removed while it is being typed in says that it has changed. */
  let filling = false

  const items = (): HTMLElement[] => [
    ...listElement.querySelectorAll<HTMLElement>(
      ':scope > li:not(.red-ui-editableList-item-deleting) .hl7-https-rule'
    )
  ]

  const write = (value: string): void => {
    area.value = value
    $(area).trigger('change')
  }

  /** The list has changed: it becomes the text. */
  const listChanged = (): void => {
    const written = items().map(ruleText)
    const value = written.join(',')
    listed = value === DEFAULT_REPLY_RULES ? '' : value
    write(listed)
    showProblems(written)
  }

  /** Marks the rows that hold a mistake. */
  const showProblems = (written: readonly string[]): void => {
    let unfit = false
    for (const [index, item] of items().entries()) {
      const rule = written[index] ?? ''
      const wrong = isWrong(item, rule)
      unfit ||= wrong && !(read(rule) instanceof ReplyRulesError)
      const inputs = item.querySelectorAll<HTMLInputElement>('input[type=text]:not([hidden])')
      for (const input of inputs) {
        input.classList.toggle('input-error', wrong)
        if (wrong) input.setAttribute('aria-invalid', 'true')
        else input.removeAttribute('aria-invalid')
      }
    }
    // What cannot be read at all, the mark of the whole property explains.
    const words = document.getElementById(`${prefix}-unfit`)
    if (words) words.textContent = unfit ? text('problem.ruleValue') : ''
  }

  /** The text has changed: what can be read of it becomes the list. */
  const textChanged = (): void => {
    const rules = read(area.value)
    const isPreset = presetOf(area.value)
    if (isPreset === undefined) own = area.value
    preset.value = isPreset ?? ''
    showOwn(preset, own !== '' || isPreset === undefined)
    underline(rules instanceof ReplyRulesError ? rules : undefined)
    listElement.classList.toggle('hl7-https-default', isPreset === 'default')
    show(`${prefix}-default`, isPreset === 'default')
    const words = document.getElementById(`${prefix}-words`)
    if (rules instanceof ReplyRulesError) {
      if (words) words.textContent = ''
      return
    }
    if (words) words.textContent = [text('rules.order'), ...rulesWords(rules, text)].join(' ')
    if (listed === area.value) return
    listed = area.value
    fill(rules)
  }

  const fill = (rules: readonly ReplyRule[]): void => {
    filling = true
    list.editableList('empty')
    for (const rule of rules) {
      list.editableList('addItem', { row: readRow(rule), text: rule.text })
    }
    nameButtons(listElement, text)
    filling = false
  }

  list.editableList({
    sortable: true,
    removable: true,
    addButton: false,
    height: 'auto',
    sortItems: listChanged,
    removeItem: listChanged,
    addItem: (container, _index, item) => {
      const { row, text: asWritten } = item as { row: RuleRow; text?: string }
      const rule = ruleElement(row, asWritten, text)
      container[0]?.append(rule)
      const changed = (): void => {
        if (filling) return
        showFields(rule, text)
        listChanged()
      }
      rule.addEventListener('change', changed)
      rule.addEventListener('input', changed)
      rule.addEventListener('keydown', (event) => {
        if (!event.altKey || (event.key !== 'ArrowUp' && event.key !== 'ArrowDown')) return
        event.preventDefault()
        move(rule, event.key === 'ArrowUp')
        listChanged()
      })
    }
  })

  document.getElementById(`${prefix}-add`)?.addEventListener('click', () => {
    if (read(area.value) instanceof ReplyRulesError && listed !== area.value) return
    const row: RuleRow = {
      condition: 'errorNumber',
      field: '',
      value: '',
      action: 'R',
      warn: false
    }
    // First: behind the rules that are there already it would often never be asked.
    list.editableList('insertItemAt', { row }, 0)
    nameButtons(listElement, text)
    listChanged()
    items()[0]?.querySelector('select')?.focus()
  })

  preset.addEventListener('change', () => {
    const chosen = preset.value as ReplyRulePreset | ''
    write(chosen === '' ? own : replyRulePresets[chosen])
  })

  $(area).on('change keyup paste input', textChanged)
  prepareViews(read(area.value) instanceof ReplyRulesError ? 'text' : 'list', () => {
    if (read(area.value) instanceof ReplyRulesError && listed !== area.value) return false
    return true
  })
  textChanged()
  return {
    save: () => {
      // A removed row fades out before the list says that it is gone.
      if (listElement.querySelector('.red-ui-editableList-item-deleting') !== null) listChanged()
    }
  }
}

function read(text: string): readonly ReplyRule[] | ReplyRulesError {
  try {
    return parseReplyRules(text).rules
  } catch (error) {
    if (error instanceof ReplyRulesError) return error
    throw error
  }
}

/** Two buttons for the two views. A list of a text that cannot be read would show old rules. */
function prepareViews(first: 'list' | 'text', hasList: () => boolean): void {
  const views = ['list', 'text'] as const
  const showView = (view: 'list' | 'text'): void => {
    const shown = view === 'list' && !hasList() ? 'text' : view
    for (const one of views) {
      show(`${prefix}-view-${one}`, one === shown)
      const button = document.getElementById(`${prefix}-show-${one}`)
      button?.setAttribute('aria-pressed', String(one === shown))
    }
    show(`${prefix}-move`, shown === 'list')
    RED.tray.resize()
  }
  for (const view of views) {
    document.getElementById(`${prefix}-show-${view}`)?.addEventListener('click', () => {
      showView(view)
    })
  }
  showView(first)
}

function show(id: string, shown: boolean): void {
  const element = document.getElementById(id)
  if (element !== null) element.hidden = !shown
}

function showOwn(preset: HTMLSelectElement, shown: boolean): void {
  const option = [...preset.options].find(({ value }) => value === '')
  if (option !== undefined) option.hidden = !shown
}

/** Elements of one rule, by what they hold. */
interface RuleFields {
  condition: HTMLSelectElement
  field: HTMLInputElement
  value: HTMLInputElement
  severity: HTMLSelectElement
  action: HTMLSelectElement
  warn: HTMLInputElement
}

const fieldsOf = new WeakMap<HTMLElement, RuleFields>()
/** The text of a rule as it was written, with the row that it was. */
const sources = new WeakMap<HTMLElement, { text: string; row: string }>()

function ruleElement(row: RuleRow, asWritten: string | undefined, text: RuleText): HTMLElement {
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
  showFields(rule, text)
  if (asWritten !== undefined) {
    sources.set(rule, { text: asWritten, row: JSON.stringify(rowOf(rule)) })
  }
  return rule
}

/** Shows the fields that the rule's condition and action have. */
function showFields(rule: HTMLElement, text: RuleText): void {
  const fields = fieldsOf.get(rule)
  if (fields === undefined) return
  const condition = fields.condition.value as RowCondition
  fields.field.hidden = !hasField(condition)
  fields.severity.hidden = condition !== 'severity'
  fields.value.hidden = !hasValue(condition) || condition === 'severity'
  fields.value.placeholder = hasValue(condition) ? text(`example.${condition}`) : ''
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

/** The rule as it was written where nobody has changed it, else written anew. */
function ruleText(rule: HTMLElement): string {
  const row = rowOf(rule)
  const source = sources.get(rule)
  return source?.row === JSON.stringify(row) ? source.text : writeRow(row)
}

function isWrong(rule: HTMLElement, written: string): boolean {
  if (read(written) instanceof ReplyRulesError) return true
  return sources.get(rule)?.text !== written && !keepsItsMeaning(rowOf(rule))
}

/** Moves a rule one place up or down, and keeps the focus in it. */
function move(rule: HTMLElement, up: boolean): void {
  const item = rule.closest('li')
  const focused = document.activeElement
  if (item === null) return
  if (up) item.previousElementSibling?.before(item)
  else item.nextElementSibling?.after(item)
  if (focused instanceof HTMLElement) focused.focus()
}

/** Node-RED's remove buttons are icons without a name. */
function nameButtons(list: HTMLElement, text: RuleText): void {
  for (const button of list.querySelectorAll('.red-ui-editableList-item-remove')) {
    button.setAttribute('aria-label', text('label.remove'))
  }
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
