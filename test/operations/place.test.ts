import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { linesOf } from '../../nodes/operations/page/story/hl7-lines.ts'
import {
  findPlaces,
  placeAt,
  placeName,
  placesIn
} from '../../nodes/operations/page/story/place.ts'

const MESSAGE =
  [
    'MSH|^~\\&|ADT|HOSP|||20261125||ADT^A01|OB-17|P|2.5.1',
    'PID|1||4711^^^HOSP^MR~0815^^^INS&OID&ISO^XX||Sample^Eve||19700101',
    'OBX|1|ST|A',
    'OBX|2|ST|B^two'
  ].join('\r') + '\r'

/** What a location of an ERR leads to: the text, '' if it is empty, null if the segment is not there. */
function pointed(location: string, message = MESSAGE, controlId = 'OB-17'): (string | null)[] {
  const lines = message.split('\r')
  const wanted = placesIn(location).map((place) => ({ place, controlId }))
  return findPlaces(message, wanted).map((found) =>
    found === undefined ? null : (lines[found.line - 1] ?? '').slice(found.start, found.end)
  )
}

describe('a place that an ERR names', () => {
  const table: [string, string | null][] = [
    ['PID-1', '1'],
    ['PID[1]-3', '4711^^^HOSP^MR~0815^^^INS&OID&ISO^XX'],
    ['PID[1]-3(1)', '4711^^^HOSP^MR'],
    ['PID-3(2)', '0815^^^INS&OID&ISO^XX'],
    ['PID-3.1', '4711'],
    ['PID-3(2).4', 'INS&OID&ISO'],
    ['PID-3(2).4.2', 'OID'],
    ['PID-5.2', 'Eve'],
    ['OBX[2]-3.2', 'two'],
    ['OBX[2]', 'OBX|2|ST|B^two'],
    ['MSH-1', '|'],
    ['MSH-2', '^~\\&'],
    ['MSH-2.1', '^~\\&'],
    ['MSH-9.2', 'A01'],
    ['MSH-12', '2.5.1'],
    // A 0 stands for "all" or "the first".
    ['PID[0]-5(0)', 'Sample^Eve'],
    // Nothing stands there.
    ['PID-2', ''],
    ['PID-3(3)', ''],
    ['PID-5.3', ''],
    ['PID-30', ''],
    ['PID-30(2).1.2', ''],
    // There is no such segment.
    ['OBX[3]-3', null],
    ['PV1-2', null]
  ]
  for (const [location, expected] of table) {
    it(`is found: ${location}`, () => {
      assert.deepEqual(pointed(location), [expected])
    })
  }

  it('may be one of several, and text that is no place is none', () => {
    assert.deepEqual(pointed('PID-1, OBX[2]-1'), ['1', '2'])
    for (const prose of ['', 'the patient', 'PID 3', 'pid-3', 'PID-1234567', 'PIDX-3']) {
      assert.deepEqual(placesIn(prose), [], prose)
    }
  })

  it('is looked for in the message that is meant, of several in a batch', () => {
    const batch = `BHS|^~\\&\rMSH|^~\\&|||||||A|ONE\rPID|1|first\rMSH|^~\\&|||||||A|TWO\rPID|1|second\r`
    assert.deepEqual(pointed('PID-2', batch, 'TWO'), ['second'])
    assert.deepEqual(pointed('PID-2', batch, 'ONE'), ['first'])
    assert.deepEqual(pointed('PID[2]-2', batch, 'ONE'), [null])
    // None has this control ID: then all count as one.
    assert.deepEqual(pointed('PID[2]-2', batch, 'THREE'), ['second'])
    assert.deepEqual(pointed('PID-2', batch, 'THREE'), ['first'])
  })

  it('follows the separators of the message', () => {
    assert.deepEqual(pointed('PID-3(2).2', 'MSH#*!\\&#A\rPID###a*b!c*d\r'), ['d'])
    // Without a sign for repetitions, there is one.
    assert.deepEqual(pointed('PID-3(1)', 'MSH|^\rPID|||a~b\r'), ['a~b'])
  })

  it('is called as short as it can be', () => {
    const names = ['PID[1]-3(1).2', 'OBX[2]-5(3).1.2', 'PV1', 'OBX[12]-13(14).15.16'].map(
      (location) => placesIn(location).map(placeName).join()
    )
    assert.deepEqual(names, ['PID-3.2', 'OBX[2]-5(3).1.2', 'PV1', 'OBX[12]-13(14).15.16'])
  })
})

describe('the place at a character', () => {
  for (const [line, before, expected, value] of [
    [1, 'MSH|^~', 'MSH-2', '^~\\&'],
    [1, 'MSH|^~\\&|AD', 'MSH-3', 'ADT'],
    [1, 'MSH|^~\\&|ADT|HOSP|||20261125||ADT', 'MSH-9.1', 'ADT'],
    [2, 'P', 'PID', 'PID|1||4711^^^HOSP^MR~0815^^^INS&OID&ISO^XX||Sample^Eve||19700101'],
    [2, 'PID|1||47', 'PID-3.1', '4711'],
    [2, 'PID|1||4711^^^HOSP^MR~0815^^^INS&O', 'PID-3(2).4.2', 'OID'],
    [2, 'PID|1|', 'PID-2', ''],
    [2, 'PID|1||4711^^^HOSP^MR~0815^^^INS&OID&ISO^XX||Sample^Eve||1970', 'PID-7', '19700101'],
    [4, 'OBX|2|ST|B^t', 'OBX[2]-3.2', 'two']
  ] as const) {
    it(`is ${expected}`, () => {
      const found = [...linesOf(MESSAGE)].find(({ number }) => number === line)
      assert.ok(found !== undefined)
      assert.ok(found.segment.text.startsWith(before))
      const place = placeAt(MESSAGE, found, before.length)
      assert.equal(placeName(place), expected)
      assert.equal(found.segment.text.slice(place.start, place.end), value)
    })
  }

  it('counts from the header of its message', () => {
    const batch = `${MESSAGE}${MESSAGE}`
    const [, , , , , , , last] = [...linesOf(batch)]
    assert.ok(last !== undefined)
    assert.equal(placeName(placeAt(batch, last, 4)), 'OBX[2]-1')
  })
})
