import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { unescape } from '../../src/hl7/escapes.ts'
import { defaultSeparators } from '../../src/hl7/segments.ts'
import fc from '../support/properties.ts'

const table: [string, string][] = [
  ['plain', 'plain'],
  ['', ''],
  ['\\F\\ \\S\\ \\T\\ \\R\\ \\E\\', '| ^ & ~ \\'],
  ['a\\T\\b\\T\\c', 'a&b&c'],
  ['\\X41\\', 'A'],
  ['\\X0D0a\\', '\r\n'],
  ['\\XC3A9\\', 'é'],
  ['\\XE9\\', 'é'],
  ['\\X4\\', '\\X4\\'],
  ['\\X\\', '\\X\\'],
  ['\\XZZ\\', '\\XZZ\\'],
  ['\\XZZ41\\', '\\XZZ41\\'],
  ['\\X41ZZ\\', '\\X41ZZ\\'],
  ['\\X414\\', '\\X414\\'],
  ['\\H\\bold\\N\\', '\\H\\bold\\N\\'],
  ['one\\.br\\two\\.sp2\\', 'one\\.br\\two\\.sp2\\'],
  ['\\C2842\\ \\M244242\\ \\Zab\\', '\\C2842\\ \\M244242\\ \\Zab\\'],
  ['\\f\\', '\\f\\'],
  ['\\\\', '\\\\'],
  ['C:\\dir\\file', 'C:\\dir\\file'],
  ['C:\\dir\\F\\', 'C:\\dir|'],
  ['a lone \\ here', 'a lone \\ here'],
  ['not closed: \\F.', 'not closed: \\F.'],
  ['\\', '\\'],
  ['\\E\\F\\', '\\F\\'],
  ['\\P\\', '\\P\\']
]

describe('unescape', () => {
  for (const [escaped, expected] of table) {
    it(JSON.stringify(escaped), () => {
      assert.equal(unescape(escaped, defaultSeparators), expected)
    })
  }

  it('resolves two hexadecimal digits, and nothing else that has their length', () => {
    for (let first = 0; first < 0x80; first++) {
      for (let second = 0; second < 0x80; second++) {
        const digits = String.fromCharCode(first, second)
        if (digits.includes('\\')) continue
        const escaped = `\\X${digits}\\`
        const expected = /^[0-9A-Fa-f]{2}$/.test(digits)
          ? String.fromCharCode(Number.parseInt(digits, 16))
          : escaped
        assert.equal(unescape(escaped, defaultSeparators), expected)
      }
    }
  })

  it('uses the separators that the message declares', () => {
    const separators = {
      field: ':',
      component: ';',
      repetition: '*',
      escape: '!',
      subcomponent: '%',
      truncation: '#'
    }
    assert.equal(unescape('!F!!S!!T!!R!!E!!P!\\F\\', separators), ':;%*!#\\F\\')
  })

  it('keeps escapes of separators that MSH-2 does not have', () => {
    const short = { ...defaultSeparators, subcomponent: '' }
    assert.equal(unescape('\\T\\', short), '\\T\\')
    assert.equal(unescape('\\F\\', { ...short, escape: '' }), '\\F\\')
  })

  it('restores every escaped text', () => {
    const escape = (text: string) =>
      text.replace(/[|^~\\&]/g, (sign) => `\\${'FSRET'['|^~\\&'.indexOf(sign)] ?? ''}\\`)
    fc.assert(
      fc.property(
        fc.string(),
        fc.string({ unit: fc.constantFrom(...Array.from('|^~\\&FX0')) }),
        (a, b) => {
          assert.equal(unescape(escape(a + b), defaultSeparators), a + b)
        }
      )
    )
  })
})
