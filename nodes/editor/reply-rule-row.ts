import { parseReplyRules, ReplyRulesError, type ReplyRule } from '../../src/rules/reply-rules.ts'
import type { ReplyTest } from '../../src/rules/reply-test.ts'
import { RuleScanner } from '../../src/rules/rule-scanner.ts'

/** The conditions in the list, in the order of its select. */
export const rowConditions = [
  'accepted',
  'error',
  'reject',
  'code',
  'emptyCode',
  'otherCode',
  'noAcknowledgement',
  'noReply',
  'foreignId',
  'sameType',
  'errorNumber',
  'severity',
  'fieldValue',
  'fieldText',
  'replyText',
  'status',
  'noAnswer',
  'errorStatus',
  'timeout',
  'connect',
  'reset',
  'tls',
  'token',
  'errorCode',
  'errorText',
  'own'
] as const

/** A condition of the list; `own` is one that is written as text. */
export type RowCondition = (typeof rowConditions)[number]

/** The actions in the list: their letters without W; empty for W alone. */
export const rowActions = ['C', 'F', 'R', 'RS', 'RD', 'S', 'D', 'A', 'AF', 'AR', ''] as const

/** The action of a new rule, until one is chosen: the parser says that it is missing. */
export const UNCHOSEN = '?'

/** Letters without W; R for `RF` and A for `AS`, which mean the same; empty for W alone. */
export type RowAction = (typeof rowActions)[number] | typeof UNCHOSEN

/** A condition with what it is compared with. */
export interface RowSubject {
  condition: RowCondition
  /** The field of the reply, such as `ERR-3`, for `fieldValue` and `fieldText`. */
  field: string
  /** What it is compared with; several values, separated by commas, if {@link takesSeveral}. */
  value: string
}

/** A rule as the list shows it. */
export interface RuleRow extends RowSubject {
  /** A second condition, which has to match too; not with `own`. */
  and?: RowSubject
  action: RowAction
  warn: boolean
}

/** How tests without a value are written. */
const written = {
  accepted: ':?A',
  error: ':?E',
  reject: ':?R',
  emptyCode: ':_',
  otherCode: ':*',
  noAcknowledgement: ':~',
  noReply: 'X',
  foreignId: ':I?',
  sameType: ':T?',
  noAnswer: 'E',
  timeout: 'E#timeout',
  connect: 'E#connect',
  reset: 'E#reset',
  tls: 'E#tls',
  token: 'E#token'
}

/** What precedes the value in the other tests. */
const prefixes: Partial<Record<RowCondition, string>> = {
  code: ':',
  errorStatus: 'E#',
  errorCode: 'E#',
  errorText: 'E*',
  status: '@status:',
  errorNumber: '@ERR-3:',
  severity: '@severity:',
  replyText: '@*'
}

type ValueCondition = Exclude<RowCondition, keyof typeof written>

/** Whether the condition has a value. */
export function hasValue(condition: RowCondition): condition is ValueCondition {
  return !Object.hasOwn(written, condition)
}

/** Whether the condition names a field of the reply. */
export function hasField(condition: RowCondition): boolean {
  return condition === 'fieldValue' || condition === 'fieldText'
}

/** Whether there may be several values, separated by commas, any of which matches. */
function takesSeveral(condition: RowCondition): boolean {
  return ['code', 'errorStatus', 'errorCode', 'status', 'errorNumber'].includes(condition)
}

/** Converts a rule to a row. Conditions that the list does not have become `own` and their text. */
export function readRow(rule: ReplyRule): RuleRow {
  const conditions = conditionsText(rule)
  const known = rowActions.find((one) => one === lettersOf(rule)) ?? ''
  return {
    ...(simpleRow(rule, conditions) ?? ownRow(conditions)),
    action: known,
    warn: rule.warn && known !== ''
  }
}

function lettersOf({ late, outcome, retry }: ReplyRule): string {
  if (outcome === 'await') return late === 'fail' ? 'AF' : late === 'retry' ? 'AR' : 'A'
  const letter = outcome === null ? '' : letters[outcome]
  return retry && letter !== 'F' ? `R${letter}` : retry ? 'R' : letter
}

const letters = { accept: 'C', fail: 'F', suspend: 'S', disable: 'D' } as const

/** The conditions of a rule as written, such as `(:AE,:CE)`. */
function conditionsText(rule: ReplyRule): string {
  const before = rule.text.slice(0, rule.text.length - rule.action.length).trimEnd()
  return before.slice(0, -1).trimEnd()
}

function ownRow(value: string): RowSubject {
  return { condition: 'own', field: '', value }
}

/** One condition, or two that both have to match. */
function simpleRow(
  rule: ReplyRule,
  text: string
): Pick<RuleRow, keyof RowSubject | 'and'> | undefined {
  const [count = 0] = rule.conditions.map((tests) => tests.length)
  if (count > 2 || rule.conditions.some((tests) => tests.length !== count)) return undefined
  const [first, and] = [0, 1].map((at) =>
    sharedSubject(
      rule.conditions.map((tests) => tests[at]),
      text
    )
  )
  if (first === undefined || (count === 2 && and === undefined)) return undefined
  const row = { ...first, ...(and && { and }) }
  if (rule.conditions.length === 1) return row
  // Several values: only if the list writes the same alternatives.
  const written = tryReplyRules(`${writeConditions(row)}=F`)
  const isSame =
    !(written instanceof ReplyRulesError) &&
    JSON.stringify(written[0]?.conditions) === JSON.stringify(rule.conditions)
  return isSame ? row : undefined
}

/** The condition that all these tests are, with their values. */
function sharedSubject(
  tests: readonly (ReplyTest | undefined)[],
  text: string
): RowSubject | undefined {
  const subjects = tests.map((test) => (test === undefined ? undefined : subjectOf(test, text)))
  const [first] = subjects
  const values = [...new Set(subjects.map((subject) => subject?.value ?? ''))]
  const isShared = subjects.every(
    (subject) => subject?.condition === first?.condition && subject?.field === first?.field
  )
  if (first === undefined || !isShared) return undefined
  if (values.length === 1) return first
  const isList = takesSeveral(first.condition) && values.every(isListable)
  return isList ? { ...first, value: values.join(', ') } : undefined
}

/** Whether the value can be one of several. */
function isListable(value: string): boolean {
  return value !== '' && value === value.trim() && !/[,"]/.test(value)
}

/**
 * Converts a single test to a condition of the list.
 *
 * @param text the conditions as written, from which the spelling of a text is taken
 */
export function subjectOf(test: ReplyTest, text: string): RowSubject | undefined {
  const subject = (condition: RowCondition, value = '', field = ''): RowSubject => ({
    condition,
    field,
    value
  })
  switch (test.kind) {
    case 'code':
      return isListable(test.code) ? subject('code', test.code) : undefined
    case 'code-class':
      return subject(codeClasses[test.codes[0]] ?? 'own')
    case 'empty-code':
      return subject('emptyCode')
    case 'other-code':
      return subject('otherCode')
    case 'no-acknowledgement':
      return subject('noAcknowledgement')
    case 'foreign-id':
      return subject('foreignId')
    case 'same-type':
      return subject('sameType')
    case 'no-reply':
      return subject('noReply')
    case 'error':
      return subject('noAnswer')
    case 'error-status':
      return subject('errorStatus', statusText(test))
    case 'error-code':
      return subject('errorCode', test.code)
    case 'error-family':
      return subject(test.family)
    case 'status':
      return subject('status', statusText(test))
    case 'severity':
      return subject('severity', test.severity)
    case 'error-text':
    case 'reply-text':
      return subject(
        test.kind === 'error-text' ? 'errorText' : 'replyText',
        valueAsTyped(text, test.text)
      )
    case 'field-text':
    case 'field-value': {
      const field = fieldText(test.path)
      if (test.kind === 'field-text') {
        return subject('fieldText', valueAsTyped(text, test.text), field)
      }
      return field === 'ERR-3' && isListable(test.value)
        ? subject('errorNumber', test.value)
        : subject('fieldValue', test.value, field)
    }
  }
}

/** The condition of each class, by the first of its two codes. */
const codeClasses: Partial<Record<string, RowCondition>> = {
  AA: 'accepted',
  AE: 'error',
  AR: 'reject'
}

function statusText({ from, to }: { from: number; to: number }): string {
  return from === to ? String(from) : `${String(from).slice(0, 1)}xx`
}

/** The parser returns texts in lower case; the list shows them as they were typed. */
function valueAsTyped(text: string, small: string): string {
  for (let at = text.indexOf('*'); at !== -1; at = text.indexOf('*', at + 1)) {
    const scanner = new RuleScanner(text)
    scanner.position = at + 1
    try {
      const value = scanner.value().text
      if (value.toLowerCase() === small) return value
    } catch {
      // No text: it is the one of `:*`.
    }
  }
  return small
}

function fieldText(path: Extract<ReplyTest, { kind: 'field-value' }>['path']): string {
  const part = (before: string, number: number | undefined, after = ''): string =>
    number === undefined ? '' : `${before}${number}${after}`
  return (
    `${path.segment}${part('[', path.occurrence, ']')}-${path.field}` +
    part('(', path.repetition, ')') +
    part('.', path.component) +
    part('.', path.subcomponent)
  )
}

/** Writes a row as a rule. The parser finds out if something is missing. */
export function writeRow(row: RuleRow): string {
  if (row.action === UNCHOSEN) return `${writeConditions(row)}=`
  const warning = row.warn || row.action === '' ? 'W' : ''
  return `${writeConditions(row)}=${warning}${row.action}`
}

function writeConditions(row: RowSubject & { and?: RowSubject }): string {
  if (row.condition === 'own') return row.value.trim()
  const second = row.and && writeTests(row.and)
  const tests = writeTests(row).flatMap(
    (test) => second?.map((other) => `${test}&${other}`) ?? [test]
  )
  return tests.length > 1 ? `(${tests.join(',')})` : (tests[0] ?? '')
}

/** One test for each value; one without a value if there is none. */
function writeTests({ condition, field, value }: RowSubject): string[] {
  if (!hasValue(condition)) return [written[condition]]
  const prefix = prefixes[condition] ?? `@${field.trim()}${condition === 'fieldText' ? '*' : ':'}`
  const quote = condition === 'code' ? quotedCode : quoted
  if (!takesSeveral(condition)) return [prefix + quote(value)]
  const values = value.split(',').map((one) => one.trim())
  const tests = values.filter((one) => one !== '').map((one) => prefix + quote(one))
  return tests.length > 0 ? tests : [prefix]
}

/** Adds double quotes if the rules' syntax needs them. */
function quoted(value: string): string {
  const bare = value === value.trim() && !/[,=&)"]/.test(value)
  return bare ? value : `"${value.replaceAll('"', '""')}"`
}

function quotedCode(value: string): string {
  return /^[a-z0-9]*$/i.test(value) ? value : `"${value.replaceAll('"', '""')}"`
}

/**
 * Whether a row still has the same condition after being written and read: an HTTP status `abc`
 * would become the error code of that name.
 *
 * @throws ReplyRulesError if it cannot be read
 */
export function keepsItsMeaning(row: RuleRow): boolean {
  const [rule, ...more] = parseReplyRules(writeRow(row)).rules
  if (rule === undefined || more.length > 0) return false
  const read = readRow(rule)
  const isSame = read.condition === row.condition && read.and?.condition === row.and?.condition
  return row.condition === 'own' || isSame
}

/**
 * A rule that is being made, with something in place of what is missing: enough to know what it
 * looks at. Undefined if it cannot be read.
 */
export function unfinishedRule(row: RuleRow): ReplyRule | undefined {
  const filled = ({ condition, field, value }: RowSubject): RowSubject => ({
    condition,
    field: field.trim() === '' ? 'ERR-3' : field,
    value: value.trim() !== '' ? value : condition === 'own' ? ':?E' : '200'
  })
  const action = row.action === UNCHOSEN ? 'F' : row.action
  const rules = tryReplyRules(
    writeRow({ ...row, ...filled(row), ...(row.and && { and: filled(row.and) }), action })
  )
  return rules instanceof ReplyRulesError ? undefined : rules[0]
}

/** The rules of a text, or the mistake in it. */
export function tryReplyRules(text: string): readonly ReplyRule[] | ReplyRulesError {
  try {
    return parseReplyRules(text).rules
  } catch (error) {
    if (error instanceof ReplyRulesError) return error
    throw error
  }
}
