import assert from 'node:assert/strict'
import { it } from 'node:test'
import { withHeaderFields } from '../../src/hl7/header-fields.ts'

it('changes the fields of headers, behind blanks too, and nothing else', () => {
  const changed = (text: string): string =>
    withHeaderFields(text, (name, fields) => fields.with(2, name.toLowerCase()))
  for (const [text, expected] of [
    ['MSH|^~\\&|A|B\rPID|1|A', 'MSH|^~\\&|msh|B\rPID|1|A'],
    [
      'FHS|^~\\&|A\r \tBHS|^~\\&|A\r  MSH#*$!@#A#B\rPID#1#A\r',
      'FHS|^~\\&|fhs\r \tBHS|^~\\&|bhs\r  MSH#*$!@#msh#B\rPID#1#A\r'
    ],
    // Lines of a text that was broken into lines.
    ['MSH|^~\\&|A\rMSH\r\rMSH is sent by A', 'MSH|^~\\&|msh\rMSH\r\rMSH is sent by A']
  ] as const) {
    assert.equal(changed(text), expected)
  }
})
