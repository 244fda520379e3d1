import {
  DEFAULT_REPLY_RULES,
  ReplyRulesError,
  type ReplyRule
} from '../../src/rules/reply-rules.ts'
import { createUnderline } from './mistake-underline.ts'
import { createRuleElement, isWrongRule, ruleText, showRuleFields } from './reply-rule-element.ts'
import { presetOf, replyRulePresets, type ReplyRulePreset } from './reply-rule-presets.ts'
import { readRow, tryReplyRules, type RuleRow } from './reply-rule-row.ts'
import { prepareRuleViews, show } from './reply-rule-views.ts'
import { restWords, type RuleText } from './reply-rule-words.ts'

const prefix = 'hl7-https-out-rules'

/** The rules of an open form. */
export interface ReplyRulesView {
  /** Completes pending changes; call it in `oneditsave`. */
  save: () => void
}

/**
 * Shows the reply rules as a list and as text. The text is what is saved: the list is read from it,
 * and rewrites it only when the list is changed.
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
  /** The user's own rules, to return to from a preset. */
  let own = presetOf(area.value) === undefined ? area.value : ''
  /** The text that the list was read from or has written. */
  let listed: string | undefined
  const opened = area.value
  /** While true, events are ignored: a focused field reports a change when it is removed. */
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

  /** The text view spells out the default: rules typed into an empty text would replace it. */
  const writeDefault = (): void => {
    const view = document.getElementById(`${prefix}-view-text`)
    if (view?.hidden === false && area.value.trim() === '') write(DEFAULT_REPLY_RULES)
  }

  /** The list has changed: writes it to the text. */
  const listChanged = (): void => {
    const written = items().map(ruleText)
    const value = written.join(',')
    listed = value === DEFAULT_REPLY_RULES ? '' : value
    write(listed)
    showProblems(written)
  }

  /** Marks the rows that contain a mistake. */
  const showProblems = (written: readonly string[]): void => {
    let unfit = false
    for (const [index, item] of items().entries()) {
      const rule = written[index] ?? ''
      const wrong = isWrongRule(item, rule)
      unfit ||= wrong && !(tryReplyRules(rule) instanceof ReplyRulesError)
      const inputs = item.querySelectorAll<HTMLInputElement>('input[type=text]:not([hidden])')
      for (const input of inputs) {
        input.classList.toggle('input-error', wrong)
        if (wrong) input.setAttribute('aria-invalid', 'true')
        else input.removeAttribute('aria-invalid')
      }
    }
    // A rule that cannot be read is explained by the mark of the property.
    const words = document.getElementById(`${prefix}-unfit`)
    if (words) words.textContent = unfit ? text('problem.ruleValue') : ''
  }

  /** The text has changed: reads the list from it, if it can be read. */
  const textChanged = (): void => {
    const rules = tryReplyRules(area.value)
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
    if (words) words.textContent = [text('rules.order'), ...restWords(rules, text)].join(' ')
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
      const rule = createRuleElement(row, asWritten, text)
      container[0]?.append(rule)
      const changed = (): void => {
        if (filling) return
        showRuleFields(rule, text)
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
    if (tryReplyRules(area.value) instanceof ReplyRulesError && listed !== area.value) return
    const row: RuleRow = {
      condition: 'errorNumber',
      field: '',
      value: '',
      action: 'R',
      warn: false
    }
    // First, because after the existing rules it might never match.
    list.editableList('insertItemAt', { row }, 0)
    nameButtons(listElement, text)
    listChanged()
    items()[0]?.querySelector('select')?.focus()
  })

  preset.addEventListener('change', () => {
    const chosen = preset.value as ReplyRulePreset | ''
    write(chosen === '' ? own : replyRulePresets[chosen])
    writeDefault()
  })

  $(area).on('change keyup paste input', textChanged)
  prepareRuleViews(
    tryReplyRules(area.value) instanceof ReplyRulesError ? 'text' : 'list',
    () => !(tryReplyRules(area.value) instanceof ReplyRulesError && listed !== area.value),
    writeDefault
  )
  textChanged()
  return {
    save: () => {
      // A removed row fades out before the list reports its removal.
      if (listElement.querySelector('.red-ui-editableList-item-deleting') !== null) listChanged()
      // The default is saved as an empty text: a later version may have a better one.
      if (area.value !== opened && presetOf(area.value) === 'default') area.value = ''
    }
  }
}

function showOwn(preset: HTMLSelectElement, shown: boolean): void {
  const option = [...preset.options].find(({ value }) => value === '')
  if (option !== undefined) option.hidden = !shown
}

/** Moves a rule up or down by one place, and keeps the focus in it. */
function move(rule: HTMLElement, up: boolean): void {
  const item = rule.closest('li')
  const focused = document.activeElement
  if (item === null) return
  if (up) item.previousElementSibling?.before(item)
  else item.nextElementSibling?.after(item)
  if (focused instanceof HTMLElement) focused.focus()
}

/** Node-RED's remove buttons have only an icon, no name. */
function nameButtons(list: HTMLElement, text: RuleText): void {
  for (const button of list.querySelectorAll('.red-ui-editableList-item-remove')) {
    button.setAttribute('aria-label', text('label.remove'))
  }
}
