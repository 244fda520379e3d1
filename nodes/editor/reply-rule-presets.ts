import { DEFAULT_REPLY_RULES, type ReplyRule } from '../../src/rules/reply-rules.ts'

/** The rules of each preset, by the key of its label. */
export const replyRulePresets = {
  default: '',
  /** The default of InterSystems' HL7 operations. */
  interSystems: ':?R=RF,:?E=S,:~=S,:?A=C,:*=S,:I?=W,:T?=C',
  retryRejects: DEFAULT_REPLY_RULES.replace(':?R=F', ':?R=RF'),
  /**
   * Receivers that answer in JSON, or with nothing: without an acknowledgement, the HTTP status says what became of the
   * message. A web page, which no C accepts unread, fails.
   */
  statusDecides: `:~=C,X=C,(E#400,E#409,E#413,E#415,E#422)=N,${DEFAULT_REPLY_RULES.replace(',X=F', '')}`,
  /** A receiver that stores the message and answers 201 with something else, or with nothing. */
  accept201: DEFAULT_REPLY_RULES.replace(':~=F', '@status:201=C,:~=F'),
  /** Registries that answer AE although they stored the message. */
  acceptWarnings: `:?E&@severity:W=WC,:?E&@severity:I=WC,${DEFAULT_REPLY_RULES}`,
  /** ERR-3 206: application record locked (table 0357). */
  retryLocked: `@ERR-3:206=RF,${DEFAULT_REPLY_RULES}`,
  /** ERR-3 205: duplicate key (table 0357), where it is our own message that arrived before. */
  acceptDuplicates: `@again&@ERR-3:205=WC,${DEFAULT_REPLY_RULES}`,
  /**
   * Suspends messages that may have arrived; retries those that have not. nginx, nghttpx, Apache and lighttpd answer
   * 500 or 502 too if the server behind them has stored the message and then broken off.
   */
  suspendTimeouts: `(E#501,E#503)=RF,E#timeout=S,E#reset=S,(E#5xx,E#2xx)=S,${DEFAULT_REPLY_RULES}`
} as const

/** The name of a preset. */
export type ReplyRulePreset = keyof typeof replyRulePresets

/** Which preset the text is, apart from blanks; undefined for the user's own rules. */
export function presetOf(text: string): ReplyRulePreset | undefined {
  const given = text.replace(/\s+/g, '')
  if (given === DEFAULT_REPLY_RULES) return 'default'
  const names = Object.keys(replyRulePresets) as ReplyRulePreset[]
  return names.find((name) => replyRulePresets[name] === given)
}

/** How the preset `suspendTimeouts`, and its recipe, began in earlier versions: they sent again after 500 and 502. */
const earlierTimeouts = [
  ['E#timeout=S', 'E#reset=S', 'E#504=S', 'E#2xx=S'],
  ['E#timeout=S', 'E#reset=S', 'E#504=S'],
  ['(E#timeout,E#reset,E#504,E#2xx)=S'],
  ['(E#timeout,E#reset,E#504)=S']
]
/** The defaults of 0.2.0 and of 0.3.0. */
const earlierDefaults = ['E#401,E#403,E#404,E#407', 'E#401,E#403,E#404,E#407,E#431'].map(
  (retried) =>
    `:I?=W,:?A=C,:?E=F,:?R=F,:_=F,:*=F,:~=F,(E#408,E#425,E#429)=RF,(${retried})=RF,E#4xx=F,E=RF,X=F`
)

/**
 * What rules that begin as an earlier preset did would be today, with the user's own behind them; undefined for all
 * others.
 */
export function renewedPreset(rules: readonly ReplyRule[]): string | undefined {
  const texts = rules.map(({ text }) => text.replace(/\s+/g, ''))
  const earlier = earlierTimeouts.find((begin) => begin.every((rule, at) => rule === texts[at]))
  if (earlier === undefined) return undefined
  const preset = replyRulePresets.suspendTimeouts
  const isWhole = [...earlierDefaults, DEFAULT_REPLY_RULES].includes(
    texts.slice(earlier.length).join(',')
  )
  if (isWhole) return preset
  const own = rules.slice(earlier.length).map(({ text }) => text)
  const begin = preset.slice(0, -DEFAULT_REPLY_RULES.length - 1)
  return [begin, ...own].join(',')
}
