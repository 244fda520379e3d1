import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { clip, linesOf, shownLines } from '../../nodes/operations/page/story/hl7-lines.ts'

describe('the lines of a text', () => {
  it('are its segments, each with the separators of the header before it', () => {
    const batch = 'BHS|^~\\&|A\rMSH$%~\\&$A\rPID$1\r  PV1$1\r\rMSH|^~\\&|B\rPID|1\r'
    assert.deepEqual(
      [...linesOf(batch)].map(({ number, name, segment }) => [number, name, segment.text]),
      [
        [1, 'BHS', 'BHS|^~\\&|A'],
        [2, 'MSH', 'MSH$%~\\&$A'],
        [3, 'PID', 'PID$1'],
        [4, 'PV1', 'PV1$1'],
        [5, 'MSH', 'MSH|^~\\&|B'],
        [6, 'PID', 'PID|1']
      ]
    )
  })

  it('are those of any other reply as well', () => {
    const json = '{\r\n  "error": "none"\n}'
    assert.deepEqual(
      [...linesOf(json)].map(({ name, segment }) => [name, segment.text]),
      [
        ['', '{'],
        ['', '  "error": "none"'],
        ['', '}']
      ]
    )
    // Prose that begins like a segment is none.
    assert.deepEqual(
      [...linesOf('ERROR: locked\nERR')].map(({ name }) => name),
      ['', 'ERR']
    )
  })

  it('are the first ones and those that are wanted, if there are many', () => {
    const text = `MSH|^~\\&\r${'OBX|1\r'.repeat(700_000)}`
    const { lines: shown, leftOut } = shownLines(text, new Set([600_000]))
    assert.equal(shown.length, 501)
    assert.equal(shown.at(-1)?.number, 600_000)
    assert.equal(leftOut, 700_001 - 501)
  })

  it('are cut in the middle if they are long', () => {
    const { head, leftOut, tail } = clip(`OBX|5|${'x'.repeat(1_000_000)}|F`)
    assert.match(head, /^OBX\|5\|x/)
    assert.match(tail, /x\|F$/)
    assert.equal(head.length + leftOut + tail.length, 1_000_008)
    assert.ok(head.length + tail.length <= 2000)
    assert.deepEqual(clip('PID'), { head: 'PID', leftOut: 0, tail: '' })
  })
})
