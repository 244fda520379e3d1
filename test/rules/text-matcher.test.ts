import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { TextMatcher } from '../../src/rules/text-matcher.ts'

function found(texts: readonly string[], ...searched: string[]): string[] {
  const matcher = new TextMatcher(new Map(texts.map((text, number) => [text, number])))
  const marks = new Uint8Array(texts.length)
  for (const one of searched) matcher.find(one, marks)
  return texts.filter((_, number) => marks[number] === 1)
}

describe('TextMatcher', () => {
  it('finds texts inside other texts and at their ends', () => {
    assert.deepEqual(found(['he', 'she', 'his', 'hers'], 'ushers'), ['he', 'she', 'hers'])
    assert.deepEqual(found(['abcd', 'bc', 'c'], 'abce'), ['bc', 'c'])
    assert.deepEqual(found(['a', 'aa', 'aaa', 'aaaa'], 'baaab'), ['a', 'aa', 'aaa'])
    assert.deepEqual(found(['x'], ''), [])
    assert.deepEqual(found([], 'x'), [])
    assert.deepEqual(found(['\0', '\uffff', '\ud83d\ude00'], 'a\0\uffff'), ['\0', '\uffff'])
  })

  it('finds nothing that is split between two texts', () => {
    assert.deepEqual(found(['ab', 'c'], 'a', 'bc'), ['c'])
  })

  it('agrees with a plain search', () => {
    const text = (maxLength: number) =>
      fc.string({ unit: fc.constantFrom('a', 'b', '\0', 'é', '\ud83d'), minLength: 1, maxLength })
    fc.assert(
      fc.property(fc.uniqueArray(text(6), { maxLength: 40 }), text(80), (texts, searched) => {
        assert.deepEqual(
          found(texts, searched),
          texts.filter((one) => searched.includes(one))
        )
      }),
      { numRuns: 500 }
    )
  })
})
