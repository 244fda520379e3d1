import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { parseReplyRules } from '../../src/rules/reply-rules.ts'
import { rowActions, rowConditions, hasValue } from '../../nodes/editor/reply-rule-row.ts'
import { rulesWords } from '../../nodes/editor/reply-rule-words.ts'

const labels: unknown = JSON.parse(
  readFileSync(new URL('../../nodes/locales/en-US/hl7-https-out.json', import.meta.url), 'utf8')
)
const lookUp = (key: string): string => {
  let at = labels
  for (const part of key.split('.')) at = (at as Record<string, unknown> | undefined)?.[part]
  assert.equal(typeof at, 'string', key)
  return at as string
}
const text = (key: string, values: Record<string, string | number> = {}): string =>
  lookUp(key).replace(/__(\w+)__/g, (_, name: string) => String(values[name] ?? ''))
const words = (rules: string): string => rulesWords(parseReplyRules(rules).rules, text).join(' ')

describe('reply rules in words', () => {
  it('say what the default does, and that nothing is left over', () => {
    assert.equal(
      words(''),
      'Warn only: different control ID. Accept: accepted (AA or CA). ' +
        'Fail: error (AE or CE); reject (AR or CR); MSA-1 is empty; any other MSA-1; ' +
        'answer without an acknowledgement. ' +
        'Retry, then fail: HTTP error status 408, 425, 429; HTTP error status 401, 403, 404, 407. ' +
        'Fail: HTTP error status 4xx. Retry, then fail: any error without an HL7 answer. ' +
        'Fail: empty answer.'
    )
  })

  it('say combined conditions, and what no rule names', () => {
    assert.equal(
      words(':?E&@severity:W=WC,(E#timeout,E#reset)=S'),
      'Accept, and warn: error (AE or CE) and severity is warning. ' +
        'Suspend: no answer in time or connection cut. ' +
        'Any other answer fails. Other errors follow the default rules.'
    )
    assert.match(words(':I?=W,:?A=C'), /An answer that only warns is accepted\./)
  })

  it('begin each sentence with a capital, also where the actions have none', () => {
    const small = (key: string, values?: Record<string, string | number>): string =>
      key.startsWith('action.') ? 'échouer' : text(key, values)
    assert.match(rulesWords(parseReplyRules(':?A=F').rules, small)[0] ?? '', /^Échouer: /)
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
