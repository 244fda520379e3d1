import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { describe, it } from 'node:test'
import { escapeXml } from '../../src/hl7-over-http/escape-xml.ts'
import { declaredXmlCharset, xmlTexts } from '../../src/hl7-over-http/xml-texts.ts'
import fc from '../support/properties.ts'

describe('the texts of XML', () => {
  const documents: Record<string, [xml: string, texts: string[]]> = {
    'an element': ['<a>x</a>', ['x']],
    'a declaration, comments and instructions': [
      '\ufeff\r\n<?xml version="1.0"?><!-- <b>y</b> --><?a <b>z</b>?><a>x</a>\n<!--y--> <?b?>\n',
      ['x']
    ],
    'a declaration beside a style sheet, and a comment beside another': [
      '<?xml version="1.0"?><?xml-stylesheet href="a.xsl"?><!-- y --><!-- z --><a>x</a>',
      ['x']
    ],
    'elements in order, with prefixes and attributes': [
      `<s:a xmlns:s="u>v" b='"</s:a>'><s:b >x</s:b\n><c d="/">y</c ><e f="z"/><é.-1/>u</s:a>`,
      ['x', 'y', 'u']
    ],
    'the texts around an element': ['<a>x<b/>y<b>z</b>\r\n\t </a>', ['x', 'y', 'z']],
    'no text': ['<a/>', []],
    'only blanks': ['<a> <b>\r\n</b></a>', []],
    'text, CDATA and comments joined': [
      '<a>x &lt;<![CDATA[<b>&lt;</b>]]><!-- - --><?c d?>z<![CDATA[]]></a>',
      ['x <<b>&lt;</b>z']
    ],
    ']]> in CDATA, split': ['<a><![CDATA[x]]]]><![CDATA[>]y]]></a>', ['x]]>]y']],
    ']]> and > as they are': ['<a>x]]>y>z</a>', ['x]]>y>z']],
    'the references of XML': [
      '<a>&lt;&gt;&amp;&quot;&apos;&#65;&#x42;&#x1F600;&#0000067;&#xD;&#xd;&#13;&#10;</a>',
      ['<>&"\'AB😀C\r\r\r\n']
    ],
    'the last character': ['<a>&#x10ffff;</a>', ['\u{10ffff}']],
    'a character in two halves': ['<a>&#55357;&#56832;</a>', ['😀']],
    'tags that do not match': ['<a><b>x</a>', ['x']],
    'text before and after': ['<a>x</a>y', ['x']],
    'a root that ends like that of a page': ['<xhtml>x</xhtml>', ['x']],
    'a root that begins like that of a page': ['<pretty>x</pretty>', ['x']],
    'a root that is no heading': ['<h7>x</h7>', ['x']],
    'references that are resolved once': ['<a>&amp;lt;&#38;gt;</a>', ['&lt;&gt;']],
    'what is no reference': [
      '<a>MSH|^~\\&|a&b;&nbsp;&LT;& amp;&amp&#;&#x;&#xg;&#X41;&#x110000;&#99999999999;&</a>',
      ['MSH|^~\\&|a&b;&nbsp;&LT;& amp;&amp&#;&#x;&#xg;&#X41;&#x110000;&#99999999999;&']
    ]
  }
  for (const [what, [xml, texts]] of Object.entries(documents)) {
    it(`are read from ${what}`, () => {
      assert.deepEqual(xmlTexts(xml), texts)
    })
  }

  const others: Record<string, string> = {
    nothing: '',
    words: 'a < b',
    'words before it': 'Sent: <a>MSA|AA|1</a>',
    'a DTD': '<!DOCTYPE a [<!ENTITY b "MSA|AA|1">]><a>&b;</a>',
    'a DTD after a comment': '<?xml version="1.0"?><!--x--><!doctype a><a>x</a>',
    'a page': '<html><body>x</body></html>',
    'a page in XHTML':
      '<?xml version="1.0"?><h:HTML xmlns:h="http://www.w3.org/1999/xhtml">x</h:HTML>',
    'a page in XHTML with a longer prefix': '<xhtml:html><xhtml:body>x</xhtml:body></xhtml:html>',
    'a page of IIS, without <html>':
      '<head><title>Document Moved</title></head>\n<body><h1>MSA|AA|1</h1></body>',
    'a piece of a page': '<pre>MSA|AA|1</pre>',
    'a heading of a page': '<h1>MSA|AA|1</h1>',
    'only a declaration': '<?xml version="1.0"?>',
    'an unescaped <': '<a>x < y</a>',
    'an unescaped < before a name': '<a>x <y</a><b>z</b></a>',
    'a tag in a tag': '<a <b>x</a>',
    'a cut tag': '<a>x<b',
    'a tag that is cut behind an attribute': '<a>x<b c="d"',
    'a cut attribute': '<a b="x>y</a>',
    'a cut comment': '<a>x<!-- </a>',
    'a cut instruction': '<a>x<? </a>',
    'a cut CDATA': '<a>x<![CDATA[ </a>',
    'a declaration inside': '<a>x<!ELEMENT b></a>',
    'an empty tag': '<a>x<></></a>'
  }
  for (const [what, xml] of Object.entries(others)) {
    it(`are not read from ${what}`, () => {
      assert.deepEqual(xmlTexts(xml), [])
    })
  }
})

describe('the encoding in an XML declaration', () => {
  it('is read, whatever its quotes', () => {
    const encodingOf = (text: string): string | undefined => declaredXmlCharset(Buffer.from(text))
    for (const text of [
      '<?xml version="1.0" encoding="ISO-8859-1"?><a/>',
      "\r\n<?xml version='1.0'\n encoding = 'ISO-8859-1' standalone='yes'?><a/>"
    ]) {
      assert.equal(encodingOf(text), 'ISO-8859-1')
    }
    for (const text of [
      '',
      '<a encoding="x"/>',
      '<?xml version="1.0"?><a encoding="x"/>',
      '<?xml-a encoding="x"?>',
      '<?xml version="1.0" noencoding="x"?>',
      'MSH|<?xml version="1.0" encoding="x"?>'
    ]) {
      assert.equal(encodingOf(text), undefined, text)
    }
  })
})

/** Comes with Node-RED; has no types. */
const { parser } = createRequire(import.meta.url)('sax') as {
  parser: (
    strict: true
  ) => Record<'ontext' | 'oncdata', (text: string) => void> &
    Record<'onopentag' | 'onclosetag', () => void> & { write(xml: string): { close(): void } }
}

/** The same texts, from another parser. */
function textsBySax(xml: string): string[] {
  const texts: string[] = []
  let text = ''
  const end = (): void => {
    if (text.trim() !== '') texts.push(text)
    text = ''
  }
  const reader = parser(true)
  reader.ontext = reader.oncdata = (more) => (text += more)
  reader.onopentag = reader.onclosetag = end
  reader.write(xml).close()
  return texts
}

describe('any XML', () => {
  const name = fc.constantFrom('a', 'soap:Body', 'return', 'é', '_b-1.c')
  const character = fc.constantFrom(
    ...['M', 'S', 'H', '|', '^', '~', '\\', '&', ';', '<', '>', '"', "'", ']', ']]>', ' '],
    ...['\r', '\n', '林', '😀', '#13;', 'amp;', '<a>', '-->', '?>']
  )
  /** Ways to write a text that mean the same. */
  const writings: ((text: string) => string)[] = [
    escapeXml,
    (text) => `<![CDATA[${text.replaceAll(']]>', ']]]]><![CDATA[>')}]]>`,
    (text) => Array.from(text, (one) => `&#${one.codePointAt(0) ?? 0};`).join(''),
    (text) => Array.from(text, (one) => `&#x${one.codePointAt(0)?.toString(16) ?? ''};`).join(''),
    (text) => `<!-- <a> & -->${escapeXml(text)}<?p <a> & ?>`,
    (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  ]
  interface Element {
    name: string
    attribute: string
    parts: (Element | { text: string; writing: number })[]
  }
  const { element } = fc.letrec<{ element: Element }>((tie) => ({
    element: fc.record({
      name,
      attribute: fc.array(character, { maxLength: 4 }).map((parts) => escapeXml(parts.join(''))),
      parts: fc.array(
        fc.oneof(
          { maxDepth: 3 },
          fc.record({
            text: fc.array(character, { maxLength: 8 }).map((parts) => parts.join('')),
            writing: fc.nat(writings.length - 1)
          }),
          tie('element')
        ),
        { maxLength: 5 }
      )
    })
  }))
  const written = ({ name, attribute, parts }: Element, shift: number): string =>
    `<${name} x="${attribute}">${parts
      .map((part) =>
        'text' in part
          ? (writings[(part.writing + shift) % writings.length]?.(part.text) ?? '')
          : written(part, shift)
      )
      .join('')}</${name}>`

  it('has the same texts however they are written, and for another parser', () => {
    fc.assert(
      fc.property(element, (root) => {
        const texts = xmlTexts(written(root, 0))
        for (let shift = 1; shift < writings.length; shift++) {
          assert.deepEqual(xmlTexts(written(root, shift)), texts)
        }
        assert.deepEqual(textsBySax(written(root, 0)), texts)
      }),
      { numRuns: 300 }
    )
  })
})
