import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { describe, it } from 'node:test'
import { escapeXml } from '../../src/hl7-over-http/escape-xml.ts'
import fc from '../support/properties.ts'

/** Comes with Node-RED; has no types. */
const { parser } = createRequire(import.meta.url)('sax') as {
  parser: (strict: true) => {
    ontext: (text: string) => void
    onattribute: (attribute: { value: string }) => void
    write(xml: string): { close(): void }
  }
}

/** What a parser reads in an element and in an attribute. */
function parsed(xml: string): string[] {
  let [inElement, inAttribute] = ['', '']
  const reader = parser(true)
  reader.ontext = (text) => (inElement += text)
  reader.onattribute = ({ value }) => (inAttribute += value)
  reader.write(xml).close()
  return [inElement, inAttribute]
}

describe('escapeXml', () => {
  it('writes every character that an element or attribute would change as a reference', () => {
    assert.equal(
      escapeXml('MSH|^~\\&|<"\'>\r\n\t'),
      'MSH|^~\\&amp;|&lt;&quot;&apos;&gt;&#13;&#10;&#9;'
    )
    assert.equal(escapeXml(']]>'), ']]&gt;')
    assert.equal(escapeXml('Søndergård 林 😀'), 'Søndergård 林 😀')
    assert.equal(escapeXml(''), '')
  })

  it('refuses characters that XML does not allow, and quotes nothing', () => {
    for (const character of [
      '\0',
      '\x0b',
      '\x1c',
      '\x1f',
      '\ufffe',
      '\uffff',
      '\ud83d',
      '\udc00'
    ]) {
      assert.throws(
        () => escapeXml(`Lindqvist${character}`),
        (error: Error & { code: string }) =>
          error.code === 'HL7_INVALID_MESSAGE' &&
          !error.message.includes('Lindqvist') &&
          /XML does not allow.* control character: .*base64/.test(error.message)
      )
    }
    for (const character of ['\x7f', '\x85', '\ud7ff', '\ue000', '\ufffd', '\u{10ffff}']) {
      assert.equal(escapeXml(character), character)
    }
  })

  it('gives a parser the same text back', () => {
    const character = fc.oneof(
      fc.constantFrom('&', '<', '>', '"', "'", '\r', '\n', '\t', ']]>', '|^~\\', '&amp;'),
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 })
    )
    fc.assert(
      fc.property(fc.array(character), (characters) => {
        const text = characters.join('').replace(/[^\t\n\r\x20-\ufffd\u{10000}-\u{10ffff}]/gu, '')
        const xml = escapeXml(text)
        assert.deepEqual(parsed(`<a b="${xml}">${xml}</a>`), [text, text])
      })
    )
  })
})
