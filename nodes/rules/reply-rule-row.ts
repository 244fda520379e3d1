import { pathText } from '../../src/hl7/path.ts'
import { parseReplyRules, type ReplyRule } from '../../src/rules/reply-rules.ts'
import { ReplyRulesError } from '../../src/rules/reply-rules-error.ts'
import type { ReplyTest } from '../../src/rules/reply-test.ts'

/** A condition of the list. */
interface Condition {
  /** Where it stands in the select. */
  group: 'acknowledgement' | 'content' | 'noAnswer' | 'own'
  /** The test in the language of the rules; what precedes the value if there is one. */
  test: string
  /** What the user enters: one value, or several, separated by commas, any of which matches. */
  value?: 'one' | 'several'
  /** The user enters a field of the reply too, which precedes the test: `@ERR-3:`. */
  field?: true
}

/** The conditions of the list, in the order of its select; `own` is one that is written as text. */
export const conditions = {
  accepted: { group: 'acknowledgement', test: ':?A' },
  error: { group: 'acknowledgement', test: ':?E' },
  reject: { group: 'acknowledgement', test: ':?R' },
  code: { group: 'acknowledgement', test: ':', value: 'several' },
  emptyCode: { group: 'acknowledgement', test: ':_' },
  otherCode: { group: 'acknowledgement', test: ':*' },
  noAcknowledgement: { group: 'acknowledgement', test: ':~' },
  noReply: { group: 'acknowledgement', test: 'X' },
  foreignId: { group: 'acknowledgement', test: ':I?' },
  sameType: { group: 'acknowledgement', test: ':T?' },
  errorNumber: { group: 'content', test: '@ERR-3:', value: 'several' },
  severity: { group: 'content', test: '@severity:', value: 'one' },
  fieldValue: { group: 'content', test: ':', value: 'one', field: true },
  fieldText: { group: 'content', test: '*', value: 'one', field: true },
  replyText: { group: 'content', test: '@*', value: 'one' },
  again: { group: 'content', test: '@again' },
  status: { group: 'content', test: '@status:', value: 'several' },
  noAnswer: { group: 'noAnswer', test: 'E' },
  errorStatus: { group: 'noAnswer', test: 'E#', value: 'several' },
  timeout: { group: 'noAnswer', test: 'E#timeout' },
  connect: { group: 'noAnswer', test: 'E#connect' },
  reset: { group: 'noAnswer', test: 'E#reset' },
  tls: { group: 'noAnswer', test: 'E#tls' },
  token: { group: 'noAnswer', test: 'E#token' },
  errorCode: { group: 'noAnswer', test: 'E#', value: 'several' },
  errorText: { group: 'noAnswer', test: 'E*', value: 'one' },
  own: { group: 'own', test: '', value: 'one' }
} as const satisfies Record<string, Condition>

export type RowCondition = keyof typeof conditions
type ValueCondition = {
  [Name in RowCondition]: (typeof conditions)[Name] extends { value: string } ? Name : never
}[RowCondition]

export const rowConditions = Object.keys(conditions) as RowCondition[]

/** Whether the condition has a value. */
export function hasValue(condition: RowCondition): condition is ValueCondition {
  return 'value' in conditions[condition]
}

/** Whether the condition names a field of the reply. */
export function hasField(condition: RowCondition): boolean {
  return 'field' in conditions[condition]
}

/** The actions in the list: their letters without W; empty for W alone. */
export const rowActions = [
  'C',
  'F',
  'N',
  'R',
  'RN',
  'RS',
  'RD',
  'S',
  'D',
  'A',
  'AF',
  'AR',
  ''
] as const

/** The action of a new rule, until one is chosen: the parser says that it is missing. */
export const UNCHOSEN = '?'

/** Letters without W; R for `RF` and A for `AS`, which mean the same; empty for W alone. */
export type RowAction = (typeof rowActions)[number] | typeof UNCHOSEN

/** A condition with what it is compared with. */
export interface RowSubject {
  condition: RowCondition
  /** The field of the reply, such as `ERR-3`, if the condition has one. */
  field: string
  /** What it is compared with, if the condition has a value. */
  value: string
}

/** A rule as the list shows it. */
export interface RuleRow extends RowSubject {
  /** A second condition, which has to match too; not with `own`. */
  and?: RowSubject
  action: RowAction
  /** Of a retry: the most there are; absent or empty if only the time ends them. */
  count?: string
  warn: boolean
}

/** Converts a rule to a row. Conditions that the list does not have become `own` and their text. */
export function readRow(rule: ReplyRule): RuleRow {
  const action = rowAction(rule.action)
  const own = subject('own', conditionsText(rule))
  const { mostRetries } = rule
  return {
    ...(rowSubjects(rule) ?? own),
    action,
    ...(mostRetries !== undefined && { count: String(mostRetries) }),
    warn: rule.warn && action !== ''
  }
}

/** The action of the list that letters as written mean, such as `WRF`; without its count. */
export function rowAction(letters: string): (typeof rowActions)[number] {
  const decides = letters.replace(/[W\d]/g, '')
  const action = decides === 'RF' ? 'R' : decides === 'AS' ? 'A' : decides
  return rowActions.find((one) => one === action) ?? ''
}

/** The conditions of a rule as written, such as `(:AE,:CE)`. */
function conditionsText(rule: ReplyRule): string {
  const before = rule.text.slice(0, rule.text.length - rule.action.length).trimEnd()
  return before.slice(0, -1).trimEnd()
}

/** One condition, or two that both have to match, if they mean all alternatives of the rule. */
function rowSubjects(rule: ReplyRule): Pick<RuleRow, keyof RowSubject | 'and'> | undefined {
  const [first, and] = [0, 1].map((at) => {
    const subjects = rule.conditions.map((tests) => tests[at] && subjectOf(tests[at]))
    const values = new Set(subjects.map((one) => one?.value))
    return subjects[0] && { ...subjects[0], value: [...values].join(', ') }
  })
  if (first === undefined) return undefined
  const row = { ...first, ...(and && { and }) }
  const written = tryReplyRules(`${writeConditions(row)}=F`)
  const means = written instanceof ReplyRulesError ? undefined : written[0]?.conditions
  return JSON.stringify(means) === JSON.stringify(rule.conditions) ? row : undefined
}

function subject(condition: RowCondition, value = '', field = ''): RowSubject {
  return { condition, field, value }
}

/** The conditions without a value, each by its test. */
const withoutValue = new Map(
  rowConditions
    .filter((condition) => !hasValue(condition))
    .map((condition) => {
      const [rule] = parseReplyRules(`${conditions[condition].test}=F`).rules
      return [JSON.stringify(rule?.conditions[0]?.[0]), condition]
    })
)

/** Converts a single test to a condition of the list. */
export function subjectOf(test: ReplyTest): RowSubject | undefined {
  const condition = withoutValue.get(JSON.stringify(test))
  if (condition !== undefined) return subject(condition)
  switch (test.kind) {
    case 'code':
      return subject('code', test.code)
    case 'error-status':
      return subject('errorStatus', statusText(test))
    case 'error-code':
      return subject('errorCode', test.code)
    case 'error-text':
      return subject('errorText', test.text)
    case 'status':
      return subject('status', statusText(test))
    case 'severity':
      return subject('severity', test.severity)
    case 'reply-text':
      return subject('replyText', test.text)
    case 'field-text':
      return subject('fieldText', test.text, pathText(test.path))
    case 'field-value': {
      const field = pathText(test.path)
      return field === 'ERR-3'
        ? subject('errorNumber', test.value)
        : subject('fieldValue', test.value, field)
    }
    default:
      return undefined
  }
}

function statusText({ from, to }: { from: number; to: number }): string {
  return from === to ? String(from) : `${String(from).slice(0, 1)}xx`
}

/** Writes a row as a rule. The parser finds out if something is missing. */
export function writeRow(row: RuleRow): string {
  if (row.action === UNCHOSEN) return `${writeConditions(row)}=`
  const warning = row.warn || row.action === '' ? 'W' : ''
  const action = isRetry(row.action)
    ? `R${row.count?.trim() ?? ''}${row.action.slice(1)}`
    : row.action
  return `${writeConditions(row)}=${warning}${action}`
}

/** Whether it is tried again, at most so often if one likes. */
export function isRetry(action: RowAction): boolean {
  return action.startsWith('R')
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
  const { test, value: takes }: Condition = conditions[condition]
  if (takes === undefined) return [test]
  const start = hasField(condition) ? `@${field.trim()}${test}` : test
  const quote = condition === 'code' ? quotedCode : quoted
  if (takes === 'one') return [start + quote(value)]
  const values = value.split(',').map((one) => one.trim())
  const tests = values.filter((one) => one !== '').map((one) => start + quote(one))
  return tests.length > 0 ? tests : [start]
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
  return row.condition === 'own' || (isSame(read, row) && isSame(read.and, row.and))
}

/** ERR-3 may be named as a field too. */
function isSame(one: RowSubject | undefined, other: RowSubject | undefined): boolean {
  const isNumber = one?.condition === 'errorNumber' && other?.condition === 'fieldValue'
  return isNumber || one?.condition === other?.condition
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
