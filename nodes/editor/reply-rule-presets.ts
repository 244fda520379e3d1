import { DEFAULT_REPLY_RULES } from '../../src/rules/reply-rules.ts'

/** Strings of rules to choose from, by the key of their label. */
export const replyRulePresets = {
  default: '',
  /** The default of InterSystems' HL7 operations. */
  interSystems: ':?R=RF,:?E=S,:~=S,:?A=C,:*=S,:I?=W,:T?=C',
  retryRejects: DEFAULT_REPLY_RULES.replace(':?R=F', ':?R=RF'),
  /** Without an acknowledgement, a status of 2xx alone says that a message was taken. */
  accept2xx: DEFAULT_REPLY_RULES.replace(':~=F', ':~=C').replace('X=F', 'X=C'),
  /** What may have arrived waits for somebody to look; what never connected is tried again. */
  suspendTimeouts: `E#timeout=S,E#reset=S,E#504=S,${DEFAULT_REPLY_RULES}`
} as const

/** A choice of the menu. */
export type ReplyRulePreset = keyof typeof replyRulePresets

/** Which choice the text is, whatever its blanks; undefined for rules of one's own. */
export function presetOf(text: string): ReplyRulePreset | undefined {
  const given = text.replace(/\s+/g, '')
  if (given === DEFAULT_REPLY_RULES) return 'default'
  const names = Object.keys(replyRulePresets) as ReplyRulePreset[]
  return names.find((name) => replyRulePresets[name] === given)
}
