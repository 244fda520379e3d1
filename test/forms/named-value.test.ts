import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { listEntry, namedValueProblem } from '../../nodes/editor/named-value.ts'
import type { EntryNames } from '../../nodes/settings/property-table.ts'

describe('an entry of a list', () => {
  it('can be read from any flow file', () => {
    assert.deepEqual(listEntry({ name: 'client', value: 7 }), {
      name: 'client',
      value: '7',
      valueType: 'str'
    })
    for (const nonsense of [null, undefined, 'x', [], { name: {}, value: null }]) {
      assert.deepEqual(listEntry(nonsense), { name: '', value: '', valueType: 'str' })
    }
  })

  /** The field and the key of its problem. */
  const problem = (
    name: string,
    valueType = 'str',
    value = '',
    names: EntryNames = 'any'
  ): string => {
    const found = namedValueProblem({ name, value, valueType }, names)
    return found === undefined ? '' : `${found.field}: ${found.key}`
  }

  it('needs a name, which for a header must be valid in HTTP', () => {
    assert.equal(problem(''), 'name: entryName')
    assert.equal(problem('FACILITY ID'), '')
    assert.equal(problem('UPHN-INFOMAP', 'str', '', 'header'), '')
    for (const name of ['two words', 'client:', 'ünï', 'a\nb']) {
      assert.equal(problem(name, 'str', '', 'header'), 'name: headerName', name)
    }
  })

  it('may not name a header that a token request already has', () => {
    const judge = (name: string, value = ''): string => problem(name, 'str', value, 'tokenHeader')
    assert.equal(judge('x-api-key'), '')
    assert.equal(judge(' Authorization '), 'name: headerReserved')
    assert.equal(judge('content-type'), 'name: headerReserved')
    assert.equal(judge('a b'), 'name: headerName')
    assert.equal(judge('x-api-key', 'a\nb'), 'value: headerValue')
  })

  it('needs a value that is allowed in a header, and the name of a variable', () => {
    for (const value of ['Ж', 'a\nb', 'a\0']) {
      assert.equal(problem('x', 'str', value, 'header'), 'value: headerValue', value)
      assert.equal(problem('x', 'str', value), '')
    }
    assert.equal(problem('x', 'str', 'Søndergård', 'header'), '')
    for (const names of ['header', 'any'] as const) {
      assert.equal(problem('x', 'env', ' ', names), 'value: envName')
      assert.equal(problem('x', 'env', 'WARD', names), '')
    }
  })

  it('needs a path if the value is an HL7 field', () => {
    for (const path of ['MSH-4', 'MSH-4.1', 'OBX[2]-5(1).1.2', 'ZA1-3', ' PID-3.1 ']) {
      assert.equal(problem('x', 'hl7', path), '', path)
    }
    for (const path of ['', 'MSH', 'msh-4', 'MSH.4', 'MSH-', 'MSH-4.', 'MSH-4.1.2.3', 'MSH-x']) {
      assert.equal(problem('x', 'hl7', path), 'value: hl7Path', path)
    }
  })

  it('needs JSON if the value is JSON', () => {
    for (const value of ['7', 'true', '"7"', '{"a": [1]}', ' null ', '${CLAIMS}']) {
      assert.equal(problem('x', 'json', value), '', value)
    }
    for (const value of ['', '{a: 1}', '${CLAIMS}x', 'text']) {
      assert.equal(problem('x', 'json', value), 'value: notJson', value)
    }
  })

  it('needs one of the six slots if the value is a secret', () => {
    assert.equal(problem('x', 'cred', 'secret6'), '')
    for (const slot of ['', 'secret7', 'secret', 'hunter2']) {
      assert.equal(problem('x', 'cred', slot), 'secret: secretSlot', slot)
    }
  })

  it('needs a user name without a colon and a slot for Basic authentication', () => {
    for (const value of ['hl7 secret6', 'two words secret1', ' secret1']) {
      assert.equal(problem('x', 'basic', value, 'header'), '', value)
    }
    for (const value of ['', 'hl7', 'hl7 ', 'hl7 secret7']) {
      assert.equal(problem('x', 'basic', value, 'header'), 'secret: secretSlot', value)
    }
    assert.equal(problem('x', 'basic', 'hl7: secret1', 'header'), 'value: basicUser')
  })
})
