import { DEFAULT_REPLY_RULES } from '../../src/delivery/reply-rules.ts'

/** Strings of rules to choose from, by the key of their label. */
export const replyRulePresets = {
  default: '',
  /** The default of InterSystems' HL7 operations. */
  interSystems: ':?R=RF,:?E=S,:~=S,:?A=C,:*=S,:I?=W,:T?=C',
  retryRejects: DEFAULT_REPLY_RULES.replace(':?R=F', ':?R=RF'),
  /** The HTTP status alone says that a message was taken. */
  accept2xx: DEFAULT_REPLY_RULES.replace(':I?=W,', ':I?=W,@status:2xx=C,'),
  neverResend: ':I?=W,:?A=C,:?E=F,:?R=F,:_=F,:*=F,:~=F,E=F,X=F'
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
