import { ReplyRulesError, type ReplyRule } from '../../src/rules/reply-rules.ts'
import type { FormText, OutKey } from './form-text.ts'
import { createCondition, select, type ConditionFields } from './reply-rule-condition.ts'
import {
  keepsItsMeaning,
  rowActions,
  tryReplyRules,
  UNCHOSEN,
  unfinishedRule,
  writeRow,
  type RowAction,
  type RowSubject,
  type RuleRow
} from './reply-rule-row.ts'

/** A second condition begins with this one: what an error is about is asked most often. */
const SECOND: RowSubject = { condition: 'errorNumber', field: '', value: '' }

/** A rule in the list. */
export interface RuleElement {
  element: HTMLElement
  /** Shows the fields that suit its conditions and action. */
  update: () => void
  /** The original text of the rule, or a new one if the user has changed it. */
  text: () => string
  /** Whether no action was chosen yet. */
  lacksAction: () => boolean
  /** Whether the rule cannot be read, or a value does not suit its condition. */
  isWrong: () => boolean
  /** The rule; while it is being made, with something in place of what is missing. */
  rule: () => ReplyRule | undefined
  /** Says in yellow what is wrong with its place among the others; an empty text removes that. */
  warn: (words: string) => void
}

const made = new WeakMap<Element, RuleElement>()

/** The rule that an element of the list shows. */
export function ruleOf(element: Element): RuleElement {
  const rule = made.get(element)
  if (rule === undefined) throw new Error('Not a rule')
  return rule
}

/**
 * Creates the fields of a rule.
 *
 * @param asWritten its text, which is kept until the user changes the rule
 * @param onChange called after a condition was added or removed
 */
export function createRule(
  given: RuleRow,
  asWritten: string | undefined,
  text: FormText<OutKey>,
  onChange: () => void
): RuleElement {
  const element = document.createElement('div')
  element.className = 'hl7-https-rule'
  const first = createCondition(given, text, { own: true })
  let second: ConditionFields | undefined
  const when = document.createElement('div')
  when.className = 'hl7-https-rule-when'
  const and = smallButton('and', text('label.ruleAnd'), text('label.addCondition'))
  when.append(first.line)
  first.line.append(and)

  const action = select(
    'action',
    rowActions.map((one) => [one, text(`action.${one === '' ? 'W' : one}`)]),
    given.action,
    text('label.ruleAction')
  )
  if (given.action === UNCHOSEN) {
    const none = new Option(text('action.choose'), UNCHOSEN, true, true)
    none.hidden = true
    action.prepend(none)
  }
  const warn = document.createElement('input')
  warn.type = 'checkbox'
  warn.className = 'hl7-https-rule-warn'
  warn.checked = given.warn
  const warning = document.createElement('label')
  warning.append(warn, ` ${text('label.ruleWarn')}`)
  const arrow = document.createElement('i')
  arrow.className = 'fa fa-long-arrow-right'
  arrow.setAttribute('aria-hidden', 'true')
  const then = document.createElement('div')
  then.className = 'hl7-https-rule-then'
  then.append(arrow, action, warning)
  const note = document.createElement('div')
  note.className = 'form-tips hl7-https-rule-note'
  note.setAttribute('role', 'status')
  note.hidden = true
  element.append(when, then, note)

  const row = (): RuleRow => {
    const { condition, field, value } = first.subject()
    return {
      condition,
      field,
      value,
      ...(second !== undefined && condition !== 'own' && { and: second.subject() }),
      action: action.value as RowAction,
      warn: warn.checked
    }
  }

  const update = (): void => {
    first.update()
    second?.update()
    const isOwn = first.subject().condition === 'own'
    and.hidden = isOwn || second !== undefined
    if (second) second.line.hidden = isOwn
    action.title = action.selectedOptions[0]?.text ?? ''
    warning.hidden = action.value === '' || action.value === UNCHOSEN
    element.classList.toggle('hl7-https-rule-own', isOwn)
  }

  const addSecond = (subject: RowSubject): void => {
    const condition = createCondition(subject, text, { own: false })
    const word = document.createElement('span')
    word.textContent = text('label.ruleAnd')
    const remove = smallButton('without', '', text('label.removeCondition'))
    remove.append(icon('fa fa-remove'))
    remove.addEventListener('click', () => {
      condition.line.remove()
      second = undefined
      update()
      and.focus()
      onChange()
    })
    condition.line.prepend(word)
    condition.line.append(remove)
    when.append(condition.line)
    second = condition
  }
  if (given.and !== undefined) addSecond(given.and)
  and.addEventListener('click', () => {
    addSecond(SECOND)
    update()
    second?.line.querySelector('select')?.focus()
    onChange()
  })

  update()
  /** The original text, and the row that it was read into. */
  const source =
    asWritten === undefined ? undefined : { text: asWritten, row: JSON.stringify(row()) }
  const written = (): string =>
    source?.row === JSON.stringify(row()) ? source.text : writeRow(row())

  const rule: RuleElement = {
    element,
    update,
    text: written,
    lacksAction: () => action.value === UNCHOSEN,
    isWrong: () => {
      const now = rule.lacksAction() ? writeRow({ ...row(), action: 'F' }) : written()
      if (tryReplyRules(now) instanceof ReplyRulesError) return true
      return source?.text !== now && !keepsItsMeaning({ ...row(), action: 'F' })
    },
    rule: () => unfinishedRule(row()),
    warn: (words) => {
      note.hidden = words === ''
      if (note.textContent !== words) note.textContent = words
    }
  }
  made.set(element, rule)
  return rule
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
