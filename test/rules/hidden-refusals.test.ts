import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hiddenRefusals, rankOfNewRule } from '../../nodes/rules/hidden-refusals.ts'
import {
  DEFAULT_REPLY_RULES,
  parseReplyRules,
  type ReplyRule
} from '../../src/rules/reply-rules.ts'

/** What each rule hides: its codes, and `below` if a rule below would have decided. */
const hidden = (text: string): string[] => {
  const { rules } = parseReplyRules(text)
  return rules.flatMap((rule, at) => {
    const found = hiddenRefusals(rules, at)
    if (found === undefined) return []
    return [`${rule.text} ${found.codes.join()}${found.ruledBelow ? ' below' : ''}`]
  })
}

describe('a rule that hides refusals', () => {
  const all = 'AE,CE,AR,CR'
  for (const [rules, expected] of [
    [`@status:2xx=C,${DEFAULT_REPLY_RULES}`, [`@status:2xx=C ${all} below`]],
    [`@*stored=C,${DEFAULT_REPLY_RULES}`, [`@*stored=C ${all} below`]],
    [`:T?=C,:?A=C,:?E=F`, [`:T?=C ${all} below`]],
    [`@MSH-3:LAB=S,${DEFAULT_REPLY_RULES}`, [`@MSH-3:LAB=S ${all} below`]],
    // Another count is another decision.
    [':T?=R5S,(:?E,:?R)=R5S', []],
    [':T?=R5S,(:?E,:?R)=R6S', [`:T?=R5S ${all} below`]],
    [':T?=R5S,(:?E,:?R)=RS', [`:T?=R5S ${all} below`]],
    // It decides, if it does not accept.
    [`@status:500=R,${DEFAULT_REPLY_RULES}`, [`@status:500=R ${all} below`]],
    // Every alternative counts; tests of the answer alone do not look at MSA-1.
    [`(:?A,@status:201&@*ok)=C,:?E=F`, [`(:?A,@status:201&@*ok)=C ${all} below`]],
    // No rule for them at all.
    ['@status:201=C', [`@status:201=C ${all}`]],
    [':?A=C,:~=C,@status:2xx=C', [`@status:2xx=C ${all}`]],
    // Some are decided above, some below.
    [':?R=F,@status:201=C,:?E=F', ['@status:201=C AE,CE below']],
    [':AE=F,@status:201=C', ['@status:201=C CE,AR,CR']],
    // A rule that applies to some of them only decides about none.
    [':?E&@severity:W=WC,:?R=F,@status:2xx=C', ['@status:2xx=C AE,CE']],
    [':?E=W,:?R=F,@status:2xx=C', ['@status:2xx=C AE,CE']]
  ] as const) {
    it(rules.slice(0, 50), () => {
      assert.deepEqual(hidden(rules), expected)
    })
  }
})

describe('a rule that hides nothing', () => {
  for (const rules of [
    '',
    // Below the rules for MSA-1.
    ':I?=W,:?A=C,(:?E,:?R,:_,:*)=F,@status:201=C,(:~,X)=F',
    ':?R=RF,:?E=S,:~=S,:?A=C,:*=S,:I?=W,:T?=C',
    // It looks at the acknowledgement.
    `(@ERR-3:206,@ERR-3:207)=RF,${DEFAULT_REPLY_RULES}`,
    `@MSA-3*rejected=F,${DEFAULT_REPLY_RULES}`,
    `@severity:W=C,${DEFAULT_REPLY_RULES}`,
    `:?E&@*duplicate=C,${DEFAULT_REPLY_RULES}`,
    `@status:201&:?A=C,${DEFAULT_REPLY_RULES}`,
    `:I?=S,${DEFAULT_REPLY_RULES}`,
    // It matches no acknowledgement.
    `(E#503,E*busy,:~,X)=RF,${DEFAULT_REPLY_RULES}`,
    `:~&@status:201=C,${DEFAULT_REPLY_RULES}`,
    // It does what would happen anyway, or decides nothing.
    `@*rejected=F,${DEFAULT_REPLY_RULES}`,
    '@status:4xx=F',
    `@status:2xx=W,${DEFAULT_REPLY_RULES}`
  ]) {
    it(rules === '' ? 'the default' : rules.slice(0, 50), () => {
      assert.deepEqual(hidden(rules), [])
    })
  }
})

it('a place without a rule hides nothing', () => {
  assert.equal(hiddenRefusals([], 0), undefined)
})

describe('the place of a new rule', () => {
  const place = (rule: string, rules: string): number => {
    const [made] = parseReplyRules(rule).rules
    return rankOfNewRule(made as ReplyRule, rules === '' ? [] : parseReplyRules(rules).rules)
  }
  const recipe = ':I?=W,:?A=C,(:?E,:?R,:_,:*)=F,(:~,X)=F'

  it('is below the rules for MSA-1 if it would hide a refusal', () => {
    for (const rule of ['@status:201=C', '@*ok=C', ':T?=C']) {
      assert.equal(place(rule, DEFAULT_REPLY_RULES), 6, rule)
      assert.equal(place(rule, recipe), 3, rule)
      assert.equal(place(rule, 'E=RF,:?A=C'), 2, rule)
      assert.equal(place(rule, ''), 0, rule)
    }
  })

  it('is above them if it looks at the acknowledgement', () => {
    for (const rule of ['@ERR-3:207=R', ':?E&@severity:W=C', ':AE=S', '@MSA-3*no=F']) {
      assert.equal(place(rule, DEFAULT_REPLY_RULES), 1, rule)
      assert.equal(place(rule, 'E=RF'), 0, rule)
    }
  })

  it('is above the rules for errors if it is one', () => {
    for (const rule of ['E#503=R', 'X=C', ':~&@status:201=C']) {
      assert.equal(place(rule, DEFAULT_REPLY_RULES), 6, rule)
      assert.equal(place(rule, 'E=RF,:?A=C'), 0, rule)
    }
  })

  it('is found among rules with several alternatives or several tests', () => {
    const rules = '@status:500=R,(:?E&@*busy,@status:201)=R,:_=F,(@status:202,E#503&E*busy)=R,:~=F'
    assert.equal(place('(E#503,:AR&@*busy)=F', rules), 1)
    assert.equal(place('@*ok=C', rules), 3)
    assert.equal(place('E#502=R', rules), 3)
    assert.equal(place('E#502=R', '@status:500=R,(@status:202,E#503&@*busy)=R,:?A=C'), 1)
    assert.equal(place('E#502=R', ':?A=C,:?E=F'), 2)
    assert.equal(place('E#502=R', '@status:500=R,E=RF,:?A=C'), 1)
  })

  it('does not depend on rules that only warn', () => {
    assert.equal(place(':AE=S', '@status:500=R,:?E=W,:?A=C'), 2)
    assert.equal(place('@*ok=C', ':?A=C,:?E=W'), 1)
  })

  it('hides nothing there', () => {
    for (const rule of ['@status:201=C', '@*ok=C', ':T?=C', '@status:5xx=R']) {
      for (const rules of [DEFAULT_REPLY_RULES, recipe, 'E=RF,:?A=C,:?E=F,:?R=F']) {
        const texts = parseReplyRules(rules).rules.map(({ text }) => text)
        texts.splice(place(rule, rules), 0, rule)
        assert.deepEqual(hidden(texts.join()), [], texts.join())
      }
    }
  })
})
