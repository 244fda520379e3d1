import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { typedDuration } from '../../nodes/editor/typed-duration.ts'

const typed: [text: string, seconds: number | undefined][] = [
  ['90 s', 90],
  ['15min', 900],
  [' 15 Min. ', 900],
  ['2 days', 172_800],
  ['1 h 30 min', 5400],
  ['1,5 Stunden', 5400],
  ['0.5 hours', 1800],
  ['1.1 h', 3960],
  ['0.125 h', 450],
  ['86.400 s', undefined],
  ['1,000 s', undefined],
  ['3 jours', 259_200],
  ['2 días', 172_800],
  ['14 日', 1_209_600],
  ['30分钟', 1800],
  ['900', undefined],
  ['', undefined],
  ['soon', undefined],
  ['5 apples', undefined],
  ['5 min later', undefined],
  ['-5 min', undefined]
]

describe('a length of time as it is typed', () => {
  for (const [text, seconds] of typed) {
    it(`“${text}”: ${seconds ?? 'none'}`, () => {
      assert.equal(typedDuration(text), seconds)
    })
  }
})
