import { placeOfNewRule } from '../rules/hidden-refusals.ts'
import {
  DEFAULT_REPLY_RULES,
  ReplyRulesError,
  type ReplyRule,
  type ReplyRules
} from '../../src/rules/reply-rules.ts'
import type { FormText, OutKey } from '../../src/form-text.ts'
import { createUnderline } from './mistake-underline.ts'
import { createRule, type RuleElement, type SaidOfRule } from './reply-rule-element.ts'
import { ruleNote } from './reply-rule-note.ts'
import {
  presetOf,
  renewedPreset,
  replyRulePresets,
  type ReplyRulePreset
} from './reply-rule-presets.ts'
import { readRow, tryReplyRules, UNCHOSEN, type RuleRow } from '../rules/reply-rule-row.ts'
import { prepareRuleViews, show } from './reply-rule-views.ts'
import { restWords } from '../rules/reply-rule-words.ts'

const prefix = 'hl7-https-out-rules'

/** The rules of an open form. */
export interface ReplyRulesView {
  /** Says again what depends on other fields. */
  update: () => void
  /** Completes pending changes; call it in `oneditsave`. */
  save: () => void
  /** The rules as they are now; undefined if they cannot be read. */
  rules: () => ReplyRules | undefined
  /** Says at each rule, by its place, what it makes of an answer; an empty list removes that. */
  showTrial: (said: readonly SaidOfRule[]) => void
}

/**
 * Shows the reply rules as a list and as text. The text is what is saved: the list is read from it,
 * and rewrites it only when the list is changed.
 *
 * @param keepsContents whether the content of a message that has left is kept, as the form says now
 */
export function prepareReplyRules(
  text: FormText<OutKey>,
  keepsContents: () => boolean
): ReplyRulesView | undefined {
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
  const made = new WeakMap<Element, RuleElement>()
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
    ].flatMap((element) => made.get(element) ?? [])

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
    const value = items()
      .map((rule) => rule.text())
      .join(',')
    listed = value === DEFAULT_REPLY_RULES ? '' : value
    write(listed)
    showProblems()
  }

  /** Marks the fields that contain a mistake, and says what is doubtful about a rule. */
  const showProblems = (): void => {
    const isUnfit = items().map((rule) => rule.mark())
    const words = document.getElementById(`${prefix}-unfit`)
    if (words) words.textContent = isUnfit.includes(true) ? text('problem.ruleValue') : ''
    const readable = readableRules()
    const rules = readable.map(({ read }) => read)
    for (const [at, { rule }] of readable.entries()) {
      rule.warn(rule.lacksAction() ? '' : ruleNote(rules, at, text))
    }
  }

  /** The rules of the list that can be read, but for one. */
  const readableRules = (but?: RuleElement): { rule: RuleElement; read: ReplyRule }[] =>
    items().flatMap((rule) => {
      const read = rule === but ? undefined : rule.rule()
      return read === undefined ? [] : [{ rule, read }]
    })

  /** Where a rule applies and hides nothing: the rule that it goes before, or none. */
  const nextOf = (rule: RuleElement): RuleElement | undefined => {
    const others = readableRules(rule)
    const rules = others.map(({ read }) => read)
    const read = rule.rule()
    return read && others[placeOfNewRule(read, rules)]?.rule
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
    showPresetNote(isPreset, rules instanceof ReplyRulesError ? [] : rules, text)
    showWords(rules)
    if (rules instanceof ReplyRulesError) return
    if (listed === area.value) return
    listed = area.value
    fill(rules)
  }

  /** What the list cannot show. */
  const showWords = (rules: readonly ReplyRule[] | ReplyRulesError): void => {
    const words = document.getElementById(`${prefix}-words`)
    if (words === null) return
    words.textContent =
      rules instanceof ReplyRulesError
        ? ''
        : [text('rules.order'), ...restWords(rules, text, keepsContents())].join(' ')
  }

  const fill = (rules: readonly ReplyRule[]): void => {
    filling = true
    fresh = undefined
    list.editableList('empty')
    for (const rule of rules) {
      list.editableList('addItem', { row: readRow(rule), text: rule.text })
    }
    filling = false
    showProblems()
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
      const rule = createRule(row, asWritten, text)
      made.set(rule.element, rule)
      container[0]?.append(rule.element)
      rule.element.addEventListener('change', ({ target }) => {
        if (filling) return
        if (rule === fresh && target instanceof HTMLSelectElement) placeFresh()
        listChanged()
      })
      rule.element.addEventListener('input', () => {
        if (!filling) listChanged()
      })
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

  document.getElementById(`${prefix}-renew`)?.addEventListener('click', () => {
    const rules = tryReplyRules(area.value)
    const renewed = rules instanceof ReplyRulesError ? undefined : renewedPreset(rules)
    if (renewed !== undefined) write(renewed)
    preset.focus()
  })

  $(area).on('change keyup paste input', textChanged)
  prepareRuleViews(
    tryReplyRules(area.value) instanceof ReplyRulesError ? 'text' : 'list',
    () => !(tryReplyRules(area.value) instanceof ReplyRulesError && listed !== area.value),
    writeDefault
  )
  textChanged()
  return {
    update: () => {
      showWords(tryReplyRules(area.value))
    },
    rules: () => {
      const rules = tryReplyRules(area.value)
      return rules instanceof ReplyRulesError ? undefined : { text: area.value, rules }
    },
    showTrial: (said) => {
      for (const [at, rule] of items().entries()) rule.showTrial(said[at])
    },
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

/** Says what a preset trusts, or that the rules are those of an earlier one. */
function showPresetNote(
  preset: ReplyRulePreset | undefined,
  rules: readonly ReplyRule[],
  text: FormText<OutKey>
): void {
  const isEarlier = renewedPreset(rules) !== undefined
  const words = document.getElementById(`${prefix}-preset-words`)
  const key =
    preset === 'accept2xx' ? 'presetNote.accept2xx' : isEarlier ? 'presetNote.earlier' : undefined
  if (words !== null) words.textContent = key === undefined ? '' : text(key)
  show(`${prefix}-preset-note`, key !== undefined)
  show(`${prefix}-renew`, isEarlier)
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
