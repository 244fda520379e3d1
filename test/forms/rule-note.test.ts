import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ruleNote } from '../../nodes/editor/reply-rule-note.ts'
import { replyRulePresets } from '../../nodes/editor/reply-rule-presets.ts'
import { english } from '../../src/english.ts'
import { DEFAULT_REPLY_RULES, parseReplyRules } from '../../src/rules/reply-rules.ts'

const covered = 'This rule is never used: whatever it matches, a rule above it matches first: '
const accepts = 'This rule accepts AE: a message that the receiver refuses leaves on ACK.'
const move = (what: string): string => `This rule ${what}: move it below the rules for MSA-1.`

/** Rules, and the yellow note of each that has one, by its place. */
const table: [rules: string, notes: Record<number, string | RegExp>][] = [
  [DEFAULT_REPLY_RULES, {}],
  [
    '@status:2xx=F,:AA&:AE=F,(:~,X)=F,E=R,E#503=S',
    {
      1: 'This rule never matches: its conditions exclude each other.',
      2: `${covered}“any reply with HTTP status 2xx”.`,
      4: `${covered}“any error without an HL7 reply”.`
    }
  ],
  // Wherever it stands.
  [replyRulePresets.acceptWarnings, { 0: accepts, 1: accepts }],
  [
    ':?A&@severity:F=C,:?E=F,:?R=F',
    { 0: 'This rule accepts replies with severity fatal: the message leaves on ACK.' }
  ],
  [`:I?=W,@status:201=C,${DEFAULT_REPLY_RULES}`, { 1: move('also accepts AE and AR') }],
  [`@status:201=R,${DEFAULT_REPLY_RULES}`, { 0: /decides what happens to AE and AR: move/ }],
  [`:?A=C,:?E=F,@status:201=R,:?R=F`, { 2: /decides what happens to AR: move/ }],
  ['@*stored=C', { 0: 'This rule also accepts AE and AR: add a rule for them above it.' }],
  [':?A=C,@ERR-3:206=R5S,(:?E,:?R,:_,:*,:~,X)=F,E=R', {}],
  [
    ':?A=C,@ERR-3:206=R10S,(:?E,:?R,:_,:*,:~,X)=F,E=R3',
    { 3: /^An outage meets this rule too: after 3/ }
  ]
]

describe('what is doubtful about a rule among the others', () => {
  for (const [text, notes] of table) {
    it(text, () => {
      const { rules } = parseReplyRules(text)
      for (const at of rules.keys()) {
        const said = ruleNote(rules, at, (key, values) => english('forms', key, values), 'en-US')
        const wanted = notes[at] ?? ''
        if (typeof wanted === 'string') assert.equal(said, wanted)
        else assert.match(said, wanted)
      }
    })
  }
})
