import { rankOfNewRule } from '../rules/hidden-refusals.ts'
import {
  DEFAULT_REPLY_RULES,
  type ReplyRule,
  type ReplyRules
} from '../../src/rules/reply-rules.ts'
import { ReplyRulesError } from '../../src/rules/reply-rules-error.ts'
import type { FormText, OutKey } from '../../src/form-text.ts'
import { createUnderline } from './mistake-underline.ts'
import { RuleElement, type SaidOfRule } from './reply-rule-element.ts'
import { ruleNote } from './reply-rule-note.ts'
import { presetOf } from './reply-rule-presets.ts'
import { readRow, tryReplyRules, UNCHOSEN, type RuleRow } from '../rules/reply-rule-row.ts'
import { prepareRuleViews } from './reply-rule-views.ts'

const prefix = 'hl7-https-out-rules'
/** A row that fades out. */
const REMOVED = '.red-ui-editableList-item-deleting'
/** What *Add rule* adds. */
const NEW_RULE: RuleRow = {
  condition: 'status',
  field: '',
  value: '',
  action: UNCHOSEN,
  warn: false
}

/** What `editableList` is given for a rule. */
type ListedRule = {
  row: RuleRow
  /** As it is written. */
  text?: string
}

/**
 * The reply rules of an open form, as a list and as text. The text is what is saved: the list is read from it,
 * and rewrites it only when the list is changed.
 */
export class ReplyRuleList {
  readonly #text: FormText<OutKey>
  readonly #onChange: () => void
  readonly #area: HTMLTextAreaElement
  readonly #listElement: HTMLElement
  readonly #list: EditorElements
  readonly #underline: ReturnType<typeof createUnderline>
  readonly #made = new WeakMap<Element, RuleElement>()
  /** The text when the form was opened. */
  readonly #opened: string

  /** What the text says, or why it cannot be read. */
  #rules: readonly ReplyRule[] | ReplyRulesError
  /** The text that the list was read from or has written. */
  #listed: string | undefined
  /** While true, events are ignored: a focused field reports a change when it is removed. */
  #isFilling = false
  /** The rule that was added last, until its place was chosen: its condition still decides that. */
  #fresh: RuleElement | undefined

  /** @param onChange the text has changed */
  constructor(text: FormText<OutKey>, area: HTMLTextAreaElement, onChange: () => void) {
    const listElement = document.getElementById(`${prefix}-list`)
    if (listElement === null) throw new Error('No list of rules')
    this.#text = text
    this.#onChange = onChange
    this.#area = area
    this.#listElement = listElement
    this.#list = $(listElement)
    this.#underline = createUnderline(area)
    this.#opened = area.value
    this.#rules = tryReplyRules(area.value)
    area.placeholder = DEFAULT_REPLY_RULES
    this.#makeList()
    this.#wireFields()
    prepareRuleViews(
      this.#rules instanceof ReplyRulesError ? 'text' : 'list',
      () => this.#isListed,
      () => {
        this.#writeDefault()
      }
    )
    this.#textChanged()
  }

  /** The rules as they are now; undefined if they cannot be read. */
  rules(): ReplyRules | undefined {
    return this.#rules instanceof ReplyRulesError
      ? undefined
      : { text: this.#area.value, rules: this.#rules }
  }

  /** Says at each rule, by its place, what it makes of an answer; an empty list removes that. */
  showTrial(said: readonly SaidOfRule[]): void {
    for (const [at, rule] of this.#items().entries()) rule.showTrial(said[at])
  }

  /** Completes pending changes; call it in `oneditsave`. */
  save(): void {
    // A removed row fades out before the list reports its removal.
    const isRemoving = this.#listElement.querySelector(REMOVED) !== null
    if (isRemoving) this.#listChanged()
    // The default is saved as an empty text: a later version may have a better one.
    const { value } = this.#area
    if (value !== this.#opened && presetOf(value) === 'default') this.#area.value = ''
  }

  /** The list shows what the text says; not while the text cannot be read. */
  get #isListed(): boolean {
    return !(this.#rules instanceof ReplyRulesError) || this.#listed === this.#area.value
  }

  /** The rules of the text; none while it cannot be read. */
  get #readable(): readonly ReplyRule[] {
    return this.#rules instanceof ReplyRulesError ? [] : this.#rules
  }

  /** The rules of the list. */
  #items(): RuleElement[] {
    const elements = this.#listElement.querySelectorAll(
      `:scope > li:not(${REMOVED}) .hl7-https-rule`
    )
    return [...elements].flatMap((element) => this.#made.get(element) ?? [])
  }

  /** Those that can be read, but for one. */
  #readableItems(but?: RuleElement): { rule: RuleElement; read: ReplyRule }[] {
    return this.#items().flatMap((rule) => {
      const read = rule === but ? undefined : rule.rule()
      return read === undefined ? [] : [{ rule, read }]
    })
  }

  /** Replaces the rules. */
  enter(value: string): void {
    this.#write(value)
    this.#writeDefault()
  }

  #write(value: string): void {
    this.#area.value = value
    $(this.#area).trigger('change')
  }

  /** The text view spells out the default: rules typed into an empty text would replace it. */
  #writeDefault(): void {
    const view = document.getElementById(`${prefix}-view-text`)
    if (view?.hidden === false && this.#area.value.trim() === '') this.#write(DEFAULT_REPLY_RULES)
  }

  /** The list has changed: writes it to the text. */
  #listChanged(): void {
    const value = this.#items()
      .map((rule) => rule.text())
      .join(',')
    this.#listed = value === DEFAULT_REPLY_RULES ? '' : value
    this.#write(this.#listed)
    this.#showProblems()
  }

  /** The text has changed: reads the list from it, if it can be read. */
  #textChanged(): void {
    const { value } = this.#area
    this.#rules = tryReplyRules(value)
    this.#underline(this.#rules instanceof ReplyRulesError ? this.#rules : undefined)
    this.#listElement.classList.toggle('hl7-https-default', presetOf(value) === 'default')
    showNotes(this.#readable, this.#text)
    this.#onChange()
    if (this.#rules instanceof ReplyRulesError || this.#listed === value) return
    this.#listed = value
    this.#fill(this.#rules)
  }

  #fill(rules: readonly ReplyRule[]): void {
    this.#isFilling = true
    this.#fresh = undefined
    this.#list.editableList('empty')
    for (const rule of rules) {
      this.#list.editableList('addItem', { row: readRow(rule), text: rule.text })
    }
    this.#isFilling = false
    this.#showProblems()
  }

  /** Marks the fields that contain a mistake, and says what is doubtful about a rule. */
  #showProblems(): void {
    const text = this.#text
    const isUnfit = this.#items().map((rule) => rule.mark())
    const words = document.getElementById(`${prefix}-unfit`)
    if (words) words.textContent = isUnfit.includes(true) ? text('problem.ruleValue') : ''
    const readable = this.#readableItems()
    const rules = readable.map(({ read }) => read)
    for (const [at, { rule }] of readable.entries()) {
      rule.warn(rule.lacksAction() ? '' : ruleNote(rules, at, text, RED.i18n.lang()))
    }
  }

  #makeList(): void {
    this.#list.editableList({
      sortable: true,
      removable: true,
      addButton: false,
      height: 'auto',
      sortItems: () => {
        this.#fresh = undefined
        this.#listChanged()
      },
      removeItem: () => {
        this.#listChanged()
      },
      addItem: (container, _index, item) => {
        const { row, text: asWritten } = item as ListedRule
        const rule = new RuleElement(row, asWritten, this.#text)
        this.#made.set(rule.element, rule)
        container[0]?.append(rule.element)
        this.#watch(rule)
      }
    })
  }

  #watch(rule: RuleElement): void {
    const { element } = rule
    element.addEventListener('change', ({ target }) => {
      if (this.#isFilling) return
      if (rule === this.#fresh && target instanceof HTMLSelectElement) this.#placeFresh()
      this.#listChanged()
    })
    element.addEventListener('input', () => {
      if (!this.#isFilling) this.#listChanged()
    })
    element.addEventListener('keydown', (event) => {
      if (!event.altKey || (event.key !== 'ArrowUp' && event.key !== 'ArrowDown')) return
      event.preventDefault()
      this.#fresh = undefined
      move(element, event.key === 'ArrowUp')
      this.#listChanged()
    })
  }

  #wireFields(): void {
    document.getElementById(`${prefix}-add`)?.addEventListener('click', () => {
      if (this.#isListed) this.#addRule()
    })
    $(this.#area).on('change keyup paste input', () => {
      this.#textChanged()
    })
  }

  #addRule(): void {
    const before = this.#items()
    this.#list.editableList('addItem', { row: NEW_RULE })
    this.#fresh = this.#items().find((rule) => !before.includes(rule))
    this.#placeFresh()
    this.#listChanged()
    this.#fresh?.element.querySelector('select')?.focus()
  }

  /** A new rule goes where it applies, as soon as it is known what it looks at. */
  #placeFresh(): void {
    if (this.#fresh === undefined) return
    const item = this.#fresh.element.closest('li')
    const next = this.#nextOf(this.#fresh)?.element.closest('li') ?? null
    if (item === null || item === next || item.nextElementSibling === next) return
    const focused = document.activeElement
    this.#listElement.insertBefore(item, next)
    if (focused instanceof HTMLElement) focused.focus()
    item.scrollIntoView({ block: 'nearest' })
  }

  /** Where a rule applies and hides nothing: the rule that it goes before, or none. */
  #nextOf(rule: RuleElement): RuleElement | undefined {
    const others = this.#readableItems(rule)
    const rules = others.map(({ read }) => read)
    const read = rule.rule()
    return read && others[rankOfNewRule(read, rules)]?.rule
  }
}

/** Says below the text what is doubtful about its rules. */
function showNotes(rules: readonly ReplyRule[], text: FormText<OutKey>): void {
  const note = document.getElementById(`${prefix}-hidden`)
  if (note === null) return
  const lines = rules.flatMap((rule, at) => {
    const words = ruleNote(rules, at, text, RED.i18n.lang())
    return words === '' ? [] : [`${rule.text} – ${words}`]
  })
  note.hidden = lines.length === 0
  note.textContent = lines.join('\n')
}

/** Moves a rule up or down by one, and keeps the focus in it. */
function move(rule: HTMLElement, up: boolean): void {
  const item = rule.closest('li')
  const focused = document.activeElement
  if (item === null) return
  if (up) item.previousElementSibling?.before(item)
  else item.nextElementSibling?.after(item)
  if (focused instanceof HTMLElement) focused.focus()
}
