import { placeOfNewRule } from '../../src/rules/hidden-refusals.ts'
import {
  DEFAULT_REPLY_RULES,
  ReplyRulesError,
  type ReplyRule
} from '../../src/rules/reply-rules.ts'
import type { FormText, OutKey } from './form-text.ts'
import { createUnderline } from './mistake-underline.ts'
import { createRule, ruleOf, type RuleElement } from './reply-rule-element.ts'
import { ruleNote } from './reply-rule-note.ts'
import { presetOf, replyRulePresets, type ReplyRulePreset } from './reply-rule-presets.ts'
import { readRow, tryReplyRules, UNCHOSEN, type RuleRow } from './reply-rule-row.ts'
import { prepareRuleViews, show } from './reply-rule-views.ts'
import { restWords } from './reply-rule-words.ts'

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
export function prepareReplyRules(text: FormText<OutKey>): ReplyRulesView | undefined {
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
  /** The rule that was added last, until its place was chosen: its condition still decides that. */
  let fresh: RuleElement | undefined

  const items = (): RuleElement[] =>
    [
      ...listElement.querySelectorAll(
        ':scope > li:not(.red-ui-editableList-item-deleting) .hl7-https-rule'
      )
    ].map(ruleOf)

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
    const written = items().map((rule) => rule.text())
    const value = written.join(',')
    listed = value === DEFAULT_REPLY_RULES ? '' : value
    write(listed)
    showProblems(written)
  }

  /** Marks the fields that contain a mistake, and says what is doubtful about a rule. */
  const showProblems = (written: readonly string[]): void => {
    const shown = items()
    let unfit = false
    for (const [index, rule] of shown.entries()) {
      const wrong = rule.isWrong()
      unfit ||= wrong && !(tryReplyRules(written[index] ?? '') instanceof ReplyRulesError)
      for (const input of rule.element.querySelectorAll<HTMLInputElement>('input[type=text]')) {
        mark(input, wrong && !input.hidden)
      }
      const action = rule.element.querySelector('.hl7-https-rule-action')
      if (action) mark(action, rule.lacksAction())
    }
    // A rule that cannot be read is explained by the mark of the property.
    const words = document.getElementById(`${prefix}-unfit`)
    if (words) words.textContent = unfit ? text('problem.ruleValue') : ''
    const readable = shown.flatMap((rule) => {
      const read = rule.rule()
      return read === undefined ? [] : [{ rule, read }]
    })
    const rules = readable.map(({ read }) => read)
    for (const [at, { rule }] of readable.entries()) {
      rule.warn(rule.lacksAction() ? '' : ruleNote(rules, at, text))
    }
  }

  /** Where a rule applies and hides nothing: the rule that it goes before, or none. */
  const nextOf = (rule: RuleElement): RuleElement | undefined => {
    const others = items().flatMap((one) => {
      const read = one === rule ? undefined : one.rule()
      return read === undefined ? [] : [{ one, read }]
    })
    const read = rule.rule()
    const at =
      read &&
      placeOfNewRule(
        read,
        others.map((other) => other.read)
      )
    return at === undefined ? undefined : others[at]?.one
  }

  /** A new rule goes where it applies, as soon as it is known what it looks at. */
  const placeFresh = (): void => {
    if (fresh === undefined) return
    const item = fresh.element.closest('li')
    const next = nextOf(fresh)?.element.closest('li') ?? null
    if (item === null || item === next || item.nextElementSibling === next) return
    const focused = document.activeElement
    listElement.insertBefore(item, next)
    if (focused instanceof HTMLElement) focused.focus()
    item.scrollIntoView({ block: 'nearest' })
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
    showNotes(rules instanceof ReplyRulesError ? [] : rules, text)
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
    fresh = undefined
    list.editableList('empty')
    for (const rule of rules) {
      list.editableList('addItem', { row: readRow(rule), text: rule.text })
    }
    filling = false
    showProblems(items().map((rule) => rule.text()))
  }

  list.editableList({
    sortable: true,
    removable: true,
    addButton: false,
    height: 'auto',
    sortItems: () => {
      fresh = undefined
      listChanged()
    },
    removeItem: listChanged,
    addItem: (container, _index, item) => {
      const { row, text: asWritten } = item as { row: RuleRow; text?: string }
      const changed = (): void => {
        if (filling) return
        rule.update()
        listChanged()
      }
      const rule = createRule(row, asWritten, text, changed)
      container[0]?.append(rule.element)
      rule.element.addEventListener('change', ({ target }) => {
        if (rule === fresh && target instanceof HTMLSelectElement) placeFresh()
        changed()
      })
      rule.element.addEventListener('input', changed)
      rule.element.addEventListener('keydown', (event) => {
        if (!event.altKey || (event.key !== 'ArrowUp' && event.key !== 'ArrowDown')) return
        event.preventDefault()
        fresh = undefined
        move(rule.element, event.key === 'ArrowUp')
        listChanged()
      })
    }
  })

  document.getElementById(`${prefix}-add`)?.addEventListener('click', () => {
    if (tryReplyRules(area.value) instanceof ReplyRulesError && listed !== area.value) return
    const row: RuleRow = {
      condition: 'status',
      field: '',
      value: '',
      action: UNCHOSEN,
      warn: false
    }
    const before = items()
    list.editableList('addItem', { row })
    fresh = items().find((rule) => !before.includes(rule))
    placeFresh()
    listChanged()
    fresh?.element.querySelector('select')?.focus()
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

/** Says below the text what is doubtful about its rules. */
function showNotes(rules: readonly ReplyRule[], text: FormText<OutKey>): void {
  const note = document.getElementById(`${prefix}-hidden`)
  if (note === null) return
  const lines = rules.flatMap((rule, at) => {
    const words = ruleNote(rules, at, text)
    return words === '' ? [] : [`${rule.text} – ${words}`]
  })
  note.hidden = lines.length === 0
  note.textContent = lines.join('\n')
}

function mark(field: Element, wrong: boolean): void {
  field.classList.toggle('input-error', wrong)
  if (wrong) field.setAttribute('aria-invalid', 'true')
  else field.removeAttribute('aria-invalid')
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
