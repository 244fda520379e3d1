import assert from 'node:assert/strict'
import { it } from 'node:test'
import { ERROR_CODES, errorKind } from '../../src/hl7/error-codes.ts'

it('has the codes of table 0357, each with its meaning', () => {
  assert.deepEqual(
    [...ERROR_CODES.keys()].map(Number),
    [0, 100, 101, 102, 103, 104, 198, 199, 200, 201, 202, 203, 204, 205, 206, 207, 999]
  )
  const words: Record<string, RegExp> = {
    0: /accepted/,
    100: /sequence/,
    101: /required field/i,
    102: /data type/i,
    103: /table value/i,
    104: /too long/,
    198: /cardinality/,
    199: /other/i,
    200: /message type/,
    201: /event code/,
    202: /processing id/i,
    203: /version id/i,
    204: /unknown key/i,
    205: /duplicate key/i,
    206: /locked/,
    207: /internal error/,
    // Of the immunization registries in the USA.
    999: /application error/i
  }
  for (const [code, word] of Object.entries(words)) assert.match(ERROR_CODES.get(code) ?? '', word)
})

it('knows who can do something about a code of the table', () => {
  const kinds = [...ERROR_CODES.keys()].map((code) => `${code} ${errorKind(code) ?? '?'}`)
  assert.deepEqual(kinds, [
    '0 ?',
    ...['100 data', '101 data', '102 data', '103 data', '104 data', '198 data', '199 ?'],
    ...['200 agreement', '201 agreement', '202 agreement', '203 agreement', '204 key'],
    ...['205 exists', '206 receiver', '207 receiver', '999 ?']
  ])
})
