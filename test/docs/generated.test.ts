import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { generatedFiles } from '../../scripts/docs.ts'

/** Most lines of a difference that are shown. */
const MOST_LINES = 40

describe('what is made from the code', () => {
  for (const { file, is, should } of generatedFiles()) {
    it(`is as \`npm run docs\` makes it: ${file}`, () => {
      if (is === should) return
      const what =
        file === 'surface.txt'
          ? 'The public contract (surface.txt) has changed.'
          : `${file} is old.`
      assert.fail(
        `${what} Run \`npm run docs\`, read the difference, and commit it:\n${difference(is, should)}`
      )
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
