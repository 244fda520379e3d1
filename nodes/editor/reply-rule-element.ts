import { ReplyRulesError, type ReplyRule } from '../../src/rules/reply-rules.ts'
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

/** A rule in the list. */
export interface RuleElement {
  /** Reports each change as `change` or `input`. */
  element: HTMLElement
  /** The original text of the rule, or a new one if the user has changed it. */
  text: () => string
  /** The rule; while it is being made, with something in place of what is missing. */
  rule: () => ReplyRule | undefined
  /** Whether no action was chosen yet. */
  lacksAction: () => boolean
  /**
   * Marks the fields that contain a mistake.
   *
   * @returns whether a value does not suit its condition: what the parser finds is explained elsewhere
   */
  mark: () => boolean
  /** Says in yellow what is doubtful about its place among the others; an empty text removes that. */
  warn: (words: string) => void
  /** Says what it makes of the answer that rules are tried with; undefined removes that. */
  showTrial: (said: SaidOfRule | undefined) => void
}

/**
 * Creates the fields of a rule.
 *
 * @param asWritten its text, which is kept until the user changes the rule
 */
export function createRule(
  given: RuleRow,
  asWritten: string | undefined,
  text: FormText<OutKey>
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
    rowActions.map((one) => [one, text(`action.${one || 'W'}`)]),
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
  const then = document.createElement('div')
  then.className = 'hl7-https-rule-then'
  const count = document.createElement('input')
  count.type = 'text'
  count.inputMode = 'numeric'
  count.maxLength = 3
  count.className = 'hl7-https-rule-count'
  count.value = given.count ?? ''
  count.placeholder = '∞'
  count.title = text('hint.ruleCount')
  count.setAttribute('aria-label', text('label.ruleCount'))
  const times = document.createElement('label')
  times.className = 'hl7-https-rule-times'
  times.append(count, ' ×')
  then.append(icon('fa fa-long-arrow-right'), action, times, warning)
  const note = document.createElement('div')
  note.className = 'form-tips hl7-https-rule-note'
  note.setAttribute('role', 'status')
  note.hidden = true
  const trial = document.createElement('div')
  trial.hidden = true
  element.append(when, then, note, trial)

  const row = (): RuleRow => {
    const subject = first.subject()
    return {
      ...subject,
      ...(second !== undefined && subject.condition !== 'own' && { and: second.subject() }),
      action: action.value as RowAction,
      ...(isRetry(action.value as RowAction) &&
        count.value.trim() !== '' && { count: count.value }),
      warn: warn.checked
    }
  }
  const lacksAction = (): boolean => action.value === UNCHOSEN

  /** Shows the fields that suit the conditions and the action. */
  const update = (): void => {
    first.update()
    second?.update()
    const isOwn = first.subject().condition === 'own'
    and.hidden = isOwn || second !== undefined
    if (second) second.line.hidden = isOwn
    action.title = action.selectedOptions[0]?.text ?? ''
    times.hidden = !isRetry(action.value as RowAction)
    warning.hidden = action.value === '' || lacksAction()
    element.classList.toggle('hl7-https-rule-own', isOwn)
  }
  element.addEventListener('change', update)
  element.addEventListener('input', update)
  const changed = (): void => {
    element.dispatchEvent(new Event('change', { bubbles: true }))
  }

  const addSecond = (subject: RowSubject): ConditionFields => {
    const condition = createCondition(subject, text, { own: false })
    const word = document.createElement('span')
    word.textContent = text('label.ruleAnd')
    const remove = smallButton('without', '', text('label.removeCondition'))
    remove.append(icon('fa fa-remove'))
    remove.addEventListener('click', () => {
      condition.line.remove()
      second = undefined
      changed()
      and.focus()
    })
    condition.line.prepend(word)
    condition.line.append(remove)
    when.append(condition.line)
    return condition
  }
  if (given.and !== undefined) second = addSecond(given.and)
  and.addEventListener('click', () => {
    second = addSecond(SECOND)
    changed()
    second.line.querySelector('select')?.focus()
  })

  update()
  const readAs = JSON.stringify(row())
  const written = (): string =>
    asWritten !== undefined && JSON.stringify(row()) === readAs ? asWritten : writeRow(row())

  return {
    element,
    text: written,
    rule: () => unfinishedRule(row()),
    lacksAction,
    mark: () => {
      const now = lacksAction() ? writeRow({ ...row(), action: 'F' }) : written()
      const isUnreadable = tryReplyRules(now) instanceof ReplyRulesError
      const isUnfit =
        !isUnreadable && asWritten !== now && !keepsItsMeaning({ ...row(), action: 'F' })
      for (const input of element.querySelectorAll<HTMLInputElement>('input[type=text]')) {
        mark(input, (isUnreadable || isUnfit) && !input.hidden)
      }
      mark(action, lacksAction())
      return isUnfit
    },
    warn: (words) => {
      note.hidden = words === ''
      if (note.textContent !== words) note.textContent = words
    },
    showTrial: (said) => {
      trial.hidden = said === undefined
      if (said === undefined) return
      trial.className = `hl7-https-rule-trial hl7-https-tried-${said.state}`
      trial.replaceChildren(icon(`fa ${signs[said.state]}`), ` ${said.words}`)
    }
  }
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
