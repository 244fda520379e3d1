import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { parseReplyRules } from '../../src/rules/reply-rules.ts'
import { meetsOutage } from '../../nodes/rules/rule-in-outage.ts'
import { rowActions, rowConditions, hasValue } from '../../nodes/rules/reply-rule-row.ts'
import { actionWords, conditionWords } from '../../nodes/rules/reply-rule-words.ts'

const labels: unknown = JSON.parse(
  readFileSync(new URL('../../locales/en-US/hl7-https-out.json', import.meta.url), 'utf8')
)
const lookUp = (key: string): string => {
  let at = labels
  for (const part of key.split('.')) at = (at as Record<string, unknown> | undefined)?.[part]
  assert.equal(typeof at, 'string', key)
  return at as string
}
const text = (key: string, values: Record<string, string | number> = {}): string =>
  lookUp(key).replace(/__(\w+)__/g, (_, name: string) => String(values[name] ?? ''))
const conditions = (rules: string): string[] =>
  parseReplyRules(rules).rules.map((rule) => conditionWords(rule, text))

describe('reply rules in words', () => {
  it('express conditions, including combined ones', () => {
    assert.deepEqual(conditions('(:?E&@severity:W,:AR)=C'), [
      'error (AE or CE) and severity is warning or MSA-1 is AR'
    ])
    assert.deepEqual(conditions(':?E&@severity:W=WC,(E#timeout,E#reset)=S,E#4xx=F'), [
      'error (AE or CE) and severity is warning',
      'no reply in time or connection cut',
      'HTTP error status 4xx'
    ])
    // Several values of one condition are said once.
    assert.deepEqual(conditions('(E#500,E#503)=S'), ['HTTP error status 500, 503'])
  })

  it('say how often a rule retries', () => {
    const { rules } = parseReplyRules('E=WR5S,E=R3D,E=R2,E=R2F,E=RF,:?A=C,:I?=W')
    assert.deepEqual(
      rules.map((rule) => actionWords(rule, text)),
      [
        'Retry (at most 5 ×), then suspend',
        'Retry (at most 3 ×), then pause the node',
        'Retry (at most 2 ×), then give up',
        'Retry (at most 2 ×), then give up',
        'Retry, then give up',
        'Accept',
        'Warn only'
      ]
    )
  })

  it('tell whether an outage meets a rule, which a count would then end for all', () => {
    const met = 'E|E#connect|E#tls|E#token|E#503|E#5xx|(E#500,E#401)|@status:4xx|E&@*busy'
    const other = ':?E|X|:~|E#timeout|E#reset|E#500|E#400|@ERR-3:206|@again|E#503&:?E|E#ECONNRESET'
    for (const [list, isMet] of [
      [met, true],
      [other, false]
    ] as const) {
      for (const condition of list.split('|')) {
        const [rule] = parseReplyRules(`${condition}=R5S`).rules
        assert.equal(rule && meetsOutage(rule), isMet, condition)
      }
    }
  })

  it('have a text for every condition and action', () => {
    for (const condition of rowConditions) {
      lookUp(`condition.${condition}`)
      if (!hasValue(condition)) continue
      lookUp(`conditionWords.${condition}`)
      if (condition !== 'severity') lookUp(`example.${condition}`)
    }
    for (const action of rowActions) lookUp(`action.${action === '' ? 'W' : action}`)
  })
})
