import { DEFAULT_REPLY_RULES } from '../../src/rules/reply-rules.ts'

/** The rules of each preset, by the key of its label. */
export const replyRulePresets = {
  default: '',
  /** The default of InterSystems' HL7 operations. */
  interSystems: ':?R=RF,:?E=S,:~=S,:?A=C,:*=S,:I?=W,:T?=C',
  retryRejects: DEFAULT_REPLY_RULES.replace(':?R=F', ':?R=RF'),
  /** If there is no acknowledgement, a 2xx status alone means that the message was accepted. */
  accept2xx: DEFAULT_REPLY_RULES.replace(':~=F', ':~=C').replace('X=F', 'X=C'),
  /** A receiver that stores the message and answers 201 with something else, or with nothing. */
  accept201: DEFAULT_REPLY_RULES.replace(':~=F', '@status:201=C,:~=F'),
  /** Registries that answer AE although they stored the message. */
  acceptWarnings: `:?E&@severity:W=WC,:?E&@severity:I=WC,${DEFAULT_REPLY_RULES}`,
  /** ERR-3 206: application record locked (table 0357). */
  retryLocked: `@ERR-3:206=RF,${DEFAULT_REPLY_RULES}`,
  /** Suspends messages that may have arrived; retries those that could not connect. */
  suspendTimeouts: `E#timeout=S,E#reset=S,E#504=S,E#2xx=S,${DEFAULT_REPLY_RULES}`
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
