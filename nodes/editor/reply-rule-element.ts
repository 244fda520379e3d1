import type { ReplyRule } from '../../src/rules/reply-rules.ts'
import { ReplyRulesError } from '../../src/rules/reply-rules-error.ts'
import type { RuleFinding } from '../../src/rules/try-rules.ts'
import type { FormText, OutKey } from '../../src/form-text.ts'
import { createCondition, select, type ConditionFields } from './reply-rule-condition.ts'
import {
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

/** A rule in the list: its fields. */
export class RuleElement {
  /** Reports each change as `change` or `input`. */
  readonly element = div('hl7-https-rule')
  readonly #text: FormText<OutKey>
  /** Its original text, until the user changes the rule. */
  readonly #asWritten: string | undefined
  /** As it was then. */
  readonly #readAs: string

  readonly #when = div('hl7-https-rule-when')
  readonly #first: ConditionFields
  #second: ConditionFields | undefined
  readonly #and: HTMLButtonElement
  readonly #action: HTMLSelectElement
  readonly #count = document.createElement('input')
  readonly #times = document.createElement('label')
  readonly #warn = document.createElement('input')
  readonly #warning = document.createElement('label')
  readonly #note = div('form-tips hl7-https-rule-note')
  readonly #trial = div('')

  constructor(given: RuleRow, asWritten: string | undefined, text: FormText<OutKey>) {
    this.#text = text
    this.#asWritten = asWritten
    this.#first = createCondition(given, text, { own: true })
    this.#and = smallButton('and', text('label.ruleAnd'), text('label.addCondition'))
    this.#action = this.#makeAction(given)
    this.#makeConditions(given)
    this.#makeRest(given)
    this.element.append(this.#when, this.#then(), this.#note, this.#trial)
    const update = (): void => {
      this.#update()
    }
    this.element.addEventListener('change', update)
    this.element.addEventListener('input', update)
    this.#update()
    this.#readAs = JSON.stringify(this.#row())
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
    return this.#action.value === UNCHOSEN
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
    for (const input of this.element.querySelectorAll<HTMLInputElement>('input[type=text]')) {
      mark(input, (isUnreadable || isUnfit) && !input.hidden)
    }
    mark(this.#action, this.lacksAction())
    return isUnfit
  }

  /** Says in yellow what is doubtful about its place among the others; an empty text removes that. */
  warn(words: string): void {
    this.#note.hidden = words === ''
    if (this.#note.textContent !== words) this.#note.textContent = words
  }

  /** Says what it makes of the answer that rules are tried with; undefined removes that. */
  showTrial(said: SaidOfRule | undefined): void {
    this.#trial.hidden = said === undefined
    if (said === undefined) return
    this.#trial.className = `hl7-https-rule-trial hl7-https-tried-${said.state}`
    this.#trial.replaceChildren(icon(`fa ${signs[said.state]}`), ` ${said.words}`)
  }

  #row(): RuleRow {
    const subject = this.#first.subject()
    const action = this.#action.value as RowAction
    const count = isRetry(action) ? this.#count.value : ''
    return {
      ...subject,
      ...(this.#second && subject.condition !== 'own' && { and: this.#second.subject() }),
      action,
      ...(count.trim() !== '' && { count }),
      warn: this.#warn.checked
    }
  }

  /** Shows the fields that suit the conditions and the action. */
  #update(): void {
    this.#first.update()
    this.#second?.update()
    const isOwn = this.#first.subject().condition === 'own'
    this.#and.hidden = isOwn || this.#second !== undefined
    if (this.#second) this.#second.line.hidden = isOwn
    this.#action.title = this.#action.selectedOptions[0]?.text ?? ''
    this.#times.hidden = !isRetry(this.#action.value as RowAction)
    this.#warning.hidden = this.#action.value === '' || this.lacksAction()
    this.element.classList.toggle('hl7-https-rule-own', isOwn)
  }

  #makeConditions({ and: second }: RuleRow): void {
    this.#first.line.append(this.#and)
    this.#when.append(this.#first.line)
    if (second !== undefined) this.#addSecond(second)
    this.#and.addEventListener('click', () => {
      const { line } = this.#addSecond(SECOND)
      this.#reportChange()
      line.querySelector('select')?.focus()
    })
  }

  #addSecond(subject: RowSubject): ConditionFields {
    const condition = createCondition(subject, this.#text, { own: false })
    const word = document.createElement('span')
    word.textContent = this.#text('label.ruleAnd')
    const remove = smallButton('without', '', this.#text('label.removeCondition'))
    remove.append(icon('fa fa-remove'))
    remove.addEventListener('click', () => {
      condition.line.remove()
      this.#second = undefined
      this.#reportChange()
      this.#and.focus()
    })
    condition.line.prepend(word)
    condition.line.append(remove)
    this.#when.append(condition.line)
    this.#second = condition
    return condition
  }

  #makeAction({ action }: RuleRow): HTMLSelectElement {
    const text = this.#text
    const made = select(
      'action',
      rowActions.map((one) => [one, text(`action.${one || 'W'}`)]),
      action,
      text('label.ruleAction')
    )
    if (action === UNCHOSEN) {
      const none = new Option(text('action.choose'), UNCHOSEN, true, true)
      none.hidden = true
      made.prepend(none)
    }
    return made
  }

  #makeRest(given: RuleRow): void {
    const text = this.#text
    this.#count.type = 'text'
    this.#count.inputMode = 'numeric'
    this.#count.maxLength = 3
    this.#count.className = 'hl7-https-rule-count'
    this.#count.value = given.count ?? ''
    this.#count.placeholder = '∞'
    this.#count.title = text('hint.ruleCount')
    this.#count.setAttribute('aria-label', text('label.ruleCount'))
    this.#times.className = 'hl7-https-rule-times'
    this.#times.append(this.#count, ' ×')
    this.#warn.type = 'checkbox'
    this.#warn.className = 'hl7-https-rule-warn'
    this.#warn.checked = given.warn
    this.#warning.append(this.#warn, ` ${text('label.ruleWarn')}`)
    this.#note.setAttribute('role', 'status')
    this.#note.hidden = true
    this.#trial.hidden = true
  }

  #then(): HTMLElement {
    const then = div('hl7-https-rule-then')
    const arrow = icon('fa fa-long-arrow-right')
    then.append(arrow, this.#action, this.#times, this.#warning)
    return then
  }

  #reportChange(): void {
    this.element.dispatchEvent(new Event('change', { bubbles: true }))
  }
}

function div(className: string): HTMLElement {
  const made = document.createElement('div')
  made.className = className
  return made
}

function mark(field: Element, wrong: boolean): void {
  field.classList.toggle('input-error', wrong)
  if (wrong) field.setAttribute('aria-invalid', 'true')
  else field.removeAttribute('aria-invalid')
}

function smallButton(name: string, label: string, title: string): HTMLButtonElement {
  const button = document.createElement('button')
  button.type = 'button'
  button.className = `red-ui-button red-ui-button-small hl7-https-rule-${name}`
  button.textContent = label
  button.title = title
  if (label === '') button.setAttribute('aria-label', title)
  return button
}

function icon(className: string): HTMLElement {
  const made = document.createElement('i')
  made.className = className
  made.setAttribute('aria-hidden', 'true')
  return made
}
