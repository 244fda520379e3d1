import { DEFAULT_REPLY_RULES } from '../../src/rules/reply-rules.ts'

/** The default of InterSystems' HL7 operations. */
export const INTERSYSTEMS_RULES = ':?R=RF,:?E=S,:~=S,:?A=C,:*=S,:I?=W,:T?=C'

/** The rules of each preset, by the key of its label. */
export const replyRulePresets = {
  default: '',
  /** Registries that answer AE although they stored the message. */
  acceptWarnings: `:?E&@severity:W=WC,:?E&@severity:I=WC,${DEFAULT_REPLY_RULES}`,
  /**
   * Receivers that answer in JSON, or with nothing: without an acknowledgement, the HTTP status says what became of the
   * message. A web page, which no C accepts unread, fails.
   */
  statusDecides: `:~=C,X=C,(E#400,E#409,E#413,E#415,E#422)=N,${DEFAULT_REPLY_RULES.replace(',X=F', '')}`,
  /** What is refused waits here for somebody, and the others go on. */
  suspendRefusals: DEFAULT_REPLY_RULES.replace(':?E=F,:?R=F', ':?E=S,:?R=S'),
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
