import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { outProperties } from '../../nodes/hl7-https-out-properties.ts'
import { tokenProperties } from '../../nodes/oauth2-client-credentials-properties.ts'
import { Properties } from '../../nodes/properties.ts'
import { defaultsOf, numberProblem } from '../../nodes/property-table.ts'
import { formDefinition } from '../docs/form-definition.ts'

for (const [type, table] of [
  ['hl7-https-out', outProperties],
  ['oauth2-client-credentials', tokenProperties]
] as const) {
  describe(`the properties of ${type}`, () => {
    it('have the same defaults and order in the form as in the table', () => {
      const inForm = Object.entries(formDefinition(type).defaults)
      assert.deepEqual(
        inForm.map(([name, { value }]) => [name, value]),
        Object.entries(defaultsOf(table))
      )
    })
  })
}

describe('the secrets among properties', () => {
  it('are the texts from variables, and no numbers and choices, which are in every sentence', () => {
    const values = {
      responseTimeout: '30',
      order: 'key',
      contentType: 'x/of-a-variable',
      bodyField: 'typed',
      headers: [{ name: 'X-Key', value: 'also-of-one' }]
    }
    const written = {
      responseTimeout: '${SECONDS}',
      order: '${ORDER}',
      contentType: '${TYPE}',
      bodyField: 'typed',
      headers: [{ name: 'X-Key', value: '${KEY}' }]
    }
    const properties = new Properties(outProperties, values, written)
    assert.deepEqual(properties.unwrittenTexts(), ['x/of-a-variable', 'also-of-one'])
    assert.deepEqual(properties.unwrittenTexts(['hunter2']).at(-1), 'hunter2')
  })
})

describe('numberProblem', () => {
  it('accepts a number, also as text', () => {
    for (const value of [5, '5', ' 5 ', '0.5', '1e3']) {
      assert.equal(numberProblem(value, { min: 0 }), '', String(value))
    }
  })
  it('rejects anything else', () => {
    for (const value of ['', ' ', 'x', '5 s', NaN, Infinity, null, undefined, true, []]) {
      assert.equal(numberProblem(value, { min: 0 }), 'number', String(value))
    }
  })
  it('checks the bounds', () => {
    assert.equal(numberProblem('-2', { min: -1 }), 'numberMin')
    assert.equal(numberProblem('-1', { min: -1 }), '')
    assert.equal(numberProblem('3600', { min: 0, max: 3600 }), '')
    assert.equal(numberProblem('3600.1', { min: 0, max: 3600 }), 'numberMax')
    assert.equal(numberProblem('1.5', { min: 1, integer: true }), 'numberInteger')
    assert.equal(numberProblem('-1', { min: 0, also: -1 }), '')
    for (const value of ['-0.5', '-2']) {
      assert.equal(numberProblem(value, { min: 0, also: -1 }), 'numberMin', value)
    }
  })
})
