import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { generatedFiles } from '../../scripts/docs.ts'
import { breaksOf } from '../../scripts/docs/surface.ts'

/** Most lines of a difference that are shown. */
const MOST_LINES = 40

describe('what is made from the code', () => {
  for (const { file, is, should, breaks } of generatedFiles()) {
    it(`is as \`npm run docs\` makes it: ${file}`, () => {
      if (is === should) return
      assert.deepEqual(breaks, [], `${file} is frozen: this change breaks it.`)
      assert.fail(
        `${file} is old. Run \`npm run docs\`, read the difference, and commit it:\n${difference(is, should)}`
      )
    })
  }
})

describe('the frozen contract', () => {
  const before = [
    '# Made from the code.',
    'hl7-https-out property order choice default "fifo"',
    'route POST /pause permission pause',
    'route POST /pause takes host string'
  ]
  const CHANGES: [what: string, after: string[], breaks: string[]][] = [
    ['a line more', [...before, 'hl7-https-out property width number default 4'], []],
    ['another word about it', ['# Made anew.', ...before.slice(1)], []],
    [
      'another default',
      before.map((line) => line.replace('fifo', 'none')),
      ['- hl7-https-out property order choice default "fifo"']
    ],
    ['a line less', before.slice(0, -1), ['- route POST /pause takes host string']],
    [
      'a member that may be given',
      [...before, 'route POST /pause takes until string optional'],
      []
    ],
    [
      'a member that must be given',
      [...before, 'route POST /pause takes until string'],
      ['+ route POST /pause takes until string']
    ],
    ['a route more, with such a member', [...before, 'route POST /note takes text string'], []]
  ]
  for (const [what, after, breaks] of CHANGES) {
    it(`is ${breaks.length > 0 ? 'broken' : 'kept'} by ${what}`, () => {
      assert.deepEqual(breaksOf(before.join('\n'), after.join('\n')), breaks)
    })
  }
})

/** Lines that went and lines that came. */
function difference(is: string, should: string): string {
  const [before, after] = [is.split('\n'), should.split('\n')]
  const gone = before.filter((line) => !after.includes(line)).map((line) => `- ${line}`)
  const come = after.filter((line) => !before.includes(line)).map((line) => `+ ${line}`)
  const lines = [...gone, ...come]
  const rest = lines.length > MOST_LINES ? [`… and ${lines.length - MOST_LINES} more`] : []
  return [...lines.slice(0, MOST_LINES), ...rest].join('\n')
}
