import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { csv, tabbed } from '../../nodes/operations/page/csv.ts'
import { inOneLine, pastedIds } from '../../nodes/operations/page/pasted-ids.ts'

describe('pasted control IDs', () => {
  const cases: [what: string, text: string, ids: string[], whole?: string][] = [
    ['one', 'OB-1', ['OB-1']],
    ['lines, as a log has them', 'OB-1\nOB-2\r\nOB-3\r', ['OB-1', 'OB-2', 'OB-3']],
    ['cells of a spreadsheet', 'OB-1\tOB-2\nOB-3\tOB-4\n', ['OB-1', 'OB-2', 'OB-3', 'OB-4']],
    ['each once, without blank lines', ' OB-1 \n\n  \nOB-1\nOB-2', ['OB-1', 'OB-2']],
    ['a sentence of a letter', 'OB-1, OB-2; OB-3', ['OB-1', 'OB-2', 'OB-3'], 'OB-1, OB-2; OB-3'],
    ['a line with blanks, which may be one', 'LAB 7 A', ['LAB', '7', 'A'], 'LAB 7 A'],
    ['lines with blanks and commas: each is one', 'LAB 7\nLAB,8', ['LAB 7', 'LAB,8']],
    [
      'odd characters',
      'O\'B"1\n<b>\n__proto__\n=1+1\nΩ·7',
      ['O\'B"1', '<b>', '__proto__', '=1+1', 'Ω·7']
    ],
    ['nothing', ' \n\t', []]
  ]
  for (const [what, text, ids, whole] of cases) {
    it(what, () => {
      assert.deepEqual(pastedIds(text), whole === undefined ? { ids } : { ids, whole })
    })
  }

  it('are the same in a field of one line', () => {
    for (const [, text, ids] of cases) assert.deepEqual(pastedIds(inOneLine(text)).ids, ids)
    assert.equal(inOneLine('OB-1\r\n\n OB-2\tOB-3\n'), 'OB-1 ⏎ OB-2 ⏎ OB-3')
  })

  it('a hundred thousand, at once', () => {
    const many = Array.from({ length: 100_000 }, (_, index) => `OB-${index}`)
    assert.deepEqual(pastedIds(many.join('\n')).ids, many)
  })
})

describe('what is copied for a spreadsheet', () => {
  it('has a line for each row, whatever is in the cells', () => {
    assert.equal(
      tabbed([
        ['a', 'b\tc'],
        ['d\ne', 'f "g"']
      ]),
      'a\tb c\nd e\tf "g"\n'
    )
  })

  it('holds no formula, also in full width or where a semicolon begins a cell', () => {
    const cells = ['=1', ' =1', '＝1', '－1', 'a;=1', 'a; @x', 'a;b', 'a=1;b']
    const safe = ["'=1", " '=1", "'＝1", "'－1", "a;'=1", "a; '@x", 'a;b', 'a=1;b']
    for (const write of [csv, tabbed]) {
      assert.deepEqual(
        cells.map((one) => write([[one]]).trimEnd()),
        safe
      )
    }
    assert.equal(csv([['a\n=1']]), '"a\n\'=1"\r\n')
  })
})
