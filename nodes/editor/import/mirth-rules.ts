import { DEFAULT_REPLY_RULES } from '../../../src/rules/reply-rules.ts'

/** What decides about a reply in a destination. */
export interface MirthReplies {
  hasQueue: boolean
  /** Attempts behind the first one, without a queue. */
  retryCount: number
  /** Whether it looks at the acknowledgement. */
  validates: boolean
  /** If it does: the codes, separated by commas, and whether it compares the control ID. */
  successful?: string
  error?: string
  rejected?: string
  checksId?: boolean
  /** If it does not: whether the rules are as careless. Otherwise they still look at the acknowledgement. */
  accepts2xx?: true
}

/** Its codes by default: those of our rules. */
const USUAL = { successful: 'AA,CA', error: 'AE,CE', rejected: 'AR,CR' } as const

/** What a destination does about replies, as reply rules; empty if it is what the default rules do. */
export function mirthRules(replies: MirthReplies): string {
  const own = [...retries(replies), ...codes(replies)]
  return own.length === 0 ? '' : [...own, ...restOfDefault(own)].join(',')
}

/** The default rules that those in front of them leave something to decide. */
function restOfDefault(own: readonly string[]): string[] {
  const tests = own.flatMap((rule) => rule.replace(/=.*$/, '').replace(/[()]/g, '').split(','))
  const rules = DEFAULT_REPLY_RULES.match(/(?:\([^)]*\)|[^,(])+/g) ?? []
  return rules.filter((rule) => {
    const codes = rule.replace(/=.*$/, '')
    if (tests.includes('E') && /^\(?E/.test(codes)) return false
    // Accepted whatever stands in it.
    if (tests.includes('X') && codes === ':~') return false
    return !tests.includes(codes)
  })
}

function retries({ hasQueue, retryCount, validates }: MirthReplies): string[] {
  if (hasQueue) return ['E=RF']
  if (retryCount <= 0) return []
  return [`${validates ? '(E,:?E,:?R)' : 'E'}=R${retryCount}F`]
}

function codes({ validates, checksId, accepts2xx, ...given }: MirthReplies): string[] {
  if (!validates) return accepts2xx === true ? ['(@status:2xx,X)=C'] : []
  const other = checksId === true ? [':I?=F'] : []
  const isUsual = Object.entries(USUAL).every(([name, usual]) => {
    const codes = readCodes(given[name as keyof typeof USUAL])
    return codes.length === 0 || codes.join() === usual
  })
  if (isUsual) return other
  const refused = [...readCodes(given.error), ...readCodes(given.rejected)]
  return [
    ...other,
    ...ruleFor(readCodes(given.successful), 'C'),
    ...ruleFor(refused, 'F'),
    // A code that is not listed is none of success.
    ':?A=F'
  ]
}

/** Only letters and digits: anything else would be read as a rule. */
const readCodes = (text = ''): string[] =>
  text
    .split(',')
    .map((code) => code.trim())
    .filter((code) => /^[A-Za-z0-9]{1,10}$/.test(code))

function ruleFor(codes: readonly string[], action: 'C' | 'F'): string[] {
  const tests = codes.map((code) => `:${code}`)
  if (tests.length === 0) return []
  return [`${tests.length === 1 ? tests.join() : `(${tests.join()})`}=${action}`]
}
