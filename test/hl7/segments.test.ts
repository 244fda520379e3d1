import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parsePath } from '../../src/hl7/path.ts'
import { readSeparators, Segments } from '../../src/hl7/segments.ts'
import fc from '../support/properties.ts'

const get = (text: string, path: string): string[] => {
  const parsed = parsePath(path)
  return new Segments(text).named(parsed.segment).flatMap((segment) => segment.values(parsed))
}

describe('readSeparators', () => {
  const table: [string, string | null][] = [
    ['MSH|^~\\&|A', '|^~\\&'],
    ['MSH|^~\\&#|A', '|^~\\&#'],
    ['MSH:;~\\&:A', ':;~\\&'],
    ['MSH|^~|A', '|^~'],
    ['MSH|^|A', '|^'],
    ['MSH|^~\\&', '|^~\\&'],
    ['MSH||A', '|^~\\&'],
    ['MSH|', '|^~\\&'],
    ['MSH|ABC|A', '|^~\\&'],
    ['MSH', null],
    ['MSHARE', null],
    ...['0', '9', 'A', 'Z', 'a', 'z', '\x7f'].map((sign): [string, null] => [`MSH${sign}x`, null]),
    ['MSH/:@[/A', '/:@['],
    ['MSH`{~`x', '`{~'],
    ['MSH ^~\\&', null],
    ['MSH\r', null],
    ['MSHé', null]
  ]
  for (const [header, expected] of table) {
    it(JSON.stringify(header), () => {
      const found = readSeparators(header)
      assert.equal(
        found &&
          found.field +
            found.component +
            found.repetition +
            found.escape +
            found.subcomponent +
            found.truncation,
        expected
      )
    })
  }
})

describe('Segments', () => {
  const text =
    'MSH|^~\\&|APP|FAC\rPID|1||12^^^X&Y~34|\rOBX|1|ST||a\\S\\b\rNTE|1\rOBX|2||||v1^w&x^y~v2\rOBX\r'

  const table: [string, string[]][] = [
    ['MSH-1', ['|']],
    ['MSH-1.2', ['']],
    ['MSH-2', ['^~\\&']],
    ['MSH-2.1', ['^~\\&']],
    ['MSH-3', ['APP']],
    ['MSH-4', ['FAC']],
    ['MSH-5', ['']],
    ['PID-1', ['1']],
    ['PID-2', ['']],
    ['PID-3', ['12', '34']],
    ['PID-3(2)', ['34']],
    ['PID-3(3)', ['']],
    ['PID-3.4', ['X&Y', '']],
    ['PID-3(1).4.1', ['X']],
    ['PID-3(1).4.2', ['Y']],
    ['PID-3(1).4.3', ['']],
    ['PID-3.9', ['', '']],
    ['PID-99', ['']],
    ['OBX-1', ['1', '2', '']],
    ['OBX-4', ['a^b', '', '']],
    ['OBX-5.2', ['', 'w&x', '', '']],
    ['ZZZ-1', []]
  ]
  for (const [path, expected] of table) {
    it(path, () => {
      assert.deepEqual(get(text, path), expected)
    })

    it(`${path} of the first segment, as one value`, () => {
      const parsed = parsePath(path)
      const [first] = new Segments(text).named(parsed.segment)
      assert.equal(first?.value(parsed), expected[0])
    })
  }

  it('skips blanks before a name, and does not accept a longer name', () => {
    assert.deepEqual(get('MSH|^~\\&\r \tMSA|AA\rMSAX|AE\rMSA', 'MSA-1'), ['AA', ''])
  })

  it('reads each message of a batch with its own separators', () => {
    const batch = 'FHS|^~\\&\rMSH:;~\\&:A\rMSA:AA;x:1\rMSH|^~\\&|B\rMSA|AE^y|2\r'
    assert.deepEqual(get(batch, 'MSA-1.2'), ['x', 'y'])
    assert.deepEqual(get(batch, 'MSH-3'), ['A', 'B'])
    assert.deepEqual(get(batch, 'FHS-1'), ['|'])
  })

  it('visits those with given names, in order, until told to stop', () => {
    const text =
      'MSH|^~\\&|||||||ACK^A01\rMSA|AA|1\rERR||PID^1~PV1|207^x\rMSH:;~\\&\rMSA:AE:2\rERR\r'
    const segments = new Segments(text)
    const visited = (names: string[], goesOn: boolean): string[] => {
      const seen: string[] = []
      segments.each(names, ({ text, separators }) => {
        seen.push(`${separators.field} ${text}`)
        return goesOn
      })
      return seen
    }
    const all = ['| MSA|AA|1', '| ERR||PID^1~PV1|207^x', ': MSA:AE:2', ': ERR']
    assert.deepEqual(visited(['MSA', 'ERR'], true), all)
    assert.deepEqual(visited(['MSA', 'ERR'], false), all.slice(0, 1))
    assert.equal(segments.first('ERR')?.text, 'ERR||PID^1~PV1|207^x')
    assert.equal(segments.first('ZZZ'), undefined)
  })

  it('searches for each kind of segment once, and ignores a header without separators', () => {
    const segments = new Segments('MSH|^~\\&|A\rPID|1\rMSH\rPID|2\r')
    assert.equal(segments.named('PID').length, 2)
    assert.equal(segments.named('PID'), segments.named('PID'))
    assert.equal(segments.named('MSH').length, 1)
  })

  it('reads each header with its own separators', () => {
    const file = 'FHS:;~\\&:A;b\rBHS*!~\\&*C!d\rMSH|^~\\&|E^f\r'
    assert.deepEqual(get(file, 'FHS-3.2'), ['b'])
    assert.deepEqual(get(file, 'BHS-3.2'), ['d'])
    assert.deepEqual(get(file, 'MSH-3.2'), ['f'])
    for (const name of ['FT1', 'BLG', 'MRG']) {
      assert.deepEqual(get(`MSH|^~\\&\r${name}|1|x\r`, `${name}-2`), ['x'])
      assert.deepEqual(get(`MSH|^~\\&\r${name}|#$|x\rPID|a^b#c`, 'PID-1.2'), ['b#c'])
    }
  })

  it('keeps a field with more than ten thousand separators whole', () => {
    for (const sign of ['^', '~', '&']) {
      const field = `a${sign}`.repeat(10_000)
      const pieces = (value: string): number => {
        const [segment] = new Segments(`MSH|^~\\&\rZZ1|${value}\r`).named('ZZ1')
        return segment?.repetitions(1).flat(2).length ?? 0
      }
      assert.equal(pieces(field), 10_001)
      assert.equal(pieces(field + sign), 1)
    }
  })

  it('does not split by separators that MSH-2 omits', () => {
    assert.deepEqual(get('MSH|^~\rPID|aFb~c', 'PID-1.1.1'), ['aFb', 'c'])
    assert.deepEqual(get('MSH|^\rPID|a~b^c&d', 'PID-1'), ['a~b'])
    assert.deepEqual(get('MSH|^~\rPID|a~b^c&d\\S\\', 'PID-1.2'), ['', 'c&d\\S\\'])
    assert.deepEqual(get('MSH|^~\\\rPID|a~b^c&d\\S\\', 'PID-1.2'), ['', 'c&d^'])
  })

  it('splits by the recommended separators if one of them is the field separator', () => {
    assert.deepEqual(get('MSH~\rPID~~a&b', 'PID-2.1.2'), ['b'])
    assert.deepEqual(get('MSH^\rPID^a~b', 'PID-1'), ['a', 'b'])
  })

  it('agrees with a plain split, whatever the separators', () => {
    const signs = fc.shuffledSubarray(Array.from('|^~\\&:;*!%#$@'), { minLength: 5, maxLength: 5 })
    const word = fc.string({ unit: fc.constantFrom(...Array.from('abcé中')), maxLength: 4 })
    const nest = <T>(inner: fc.Arbitrary<T>) => fc.array(inner, { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(signs, nest(nest(nest(nest(word)))), (signs, fields) => {
        const [f = '', c = '', r = '', e = '', s = ''] = signs
        const line = fields.map((field) =>
          field.map((one) => one.map((part) => part.join(s)).join(c)).join(r)
        )
        const segments = new Segments(`MSH${f}${c}${r}${e}${s}${f}\rZZZ${f}${line.join(f)}\r`)
        const segment = segments.named('ZZZ')[0]
        fields.forEach((field, index) => {
          assert.deepEqual(segment?.repetitions(index + 1), field)
        })
      })
    )
  })

  it('costs little for parts that are not read, and for nothing but separators', () => {
    const started = process.cpuUsage()
    const segments = new Segments(
      `MSH|^~\\&|A\rOBX|${'^'.repeat(16e6)}\rZZ1${'|'.repeat(1e6)}x\r` +
        `ZZ2|${'~'.repeat(1e6)}\rZZ3|${'^~&'.repeat(4e5)}\r${'NTE|a^b&c\r'.repeat(10_000)}MSA|AA\r`
    )
    assert.equal(segments.named('MSA')[0]?.field(1), 'AA')
    assert.equal(segments.named('ZZ1')[0]?.field(1_000_000), 'x')
    assert.equal(segments.named('ZZ2')[0]?.values(parsePath('ZZ2-1')).length, 1_000_001)
    assert.equal(segments.named('ZZ3')[0]?.value(parsePath('ZZ3-1')), '')
    assert.equal(segments.named('NTE').length, 10_000)
    // Microseconds of CPU time: a hundredth of what splitting everything would take.
    assert.ok(process.cpuUsage(started).user < 2_000_000)
  })
})
