import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { escapeXml } from '../../src/hl7-over-http/escape-xml.ts'
import { notesOf, outOf, rowsOf } from '../support/import-table.ts'

type Values = Readonly<Record<string, string>>

const entry = ([name, value]: [string, string]): string =>
  `<entry><string>${name}</string><list><string>${escapeXml(value)}</string></list></entry>`
const map = (name: string, values: Values): string =>
  `<${name}>${Object.entries(values).map(entry).join('')}</${name}>`

/** A destination with these settings, headers and parameters. */
function sender(settings: Values, headers: Values = {}, parameters: Values = {}): string {
  const all = { host: 'https://a.example.org/in', contentType: 'text/plain', ...settings }
  const properties = Object.entries(all).map(
    ([name, value]) => `<${name}>${escapeXml(value)}</${name}>`
  )
  return `<connector><properties class="a.HttpDispatcherProperties">${properties.join('')}${map('headers', headers)}${map('parameters', parameters)}</properties></connector>`
}

const FORM = { contentType: 'application/x-www-form-urlencoded' }

describe('a destination of Mirth', () => {
  it('that sends a form has that format, whatever the message is there', () => {
    for (const value of ['${message.encodedData}', '$message.rawData', '$!{message.encodedData}']) {
      const text = sender(FORM, {}, { USERID: 'north', TEXT: value })
      assert.equal(outOf(text)['format'], 'form')
      assert.equal(outOf(text)['bodyField'], 'TEXT', value)
      assert.deepEqual(outOf(text)['formFields'], [
        { name: 'USERID', value: 'north', valueType: 'str' }
      ])
    }
    for (const value of ['${hl7Message}', '$hl7', '${message.transformedData}']) {
      const text = sender(FORM, {}, { USERID: '$user', MESSAGEDATA: value })
      assert.equal(outOf(text)['bodyField'], 'MESSAGEDATA', value)
      assert.ok(notesOf(text).includes('contentVariable'))
    }
    // Which of them, is not certain.
    for (const fields of [{ a: '$b' }, { message: '$a', hl7: '$b' }] as Values[]) {
      const text = sender(FORM, {}, fields)
      assert.equal(outOf(text)['format'], 'form')
      assert.equal(outOf(text)['bodyField'], undefined)
      assert.ok(notesOf(text).includes('entryVariable'))
    }
  })

  it('has variables without braces, too: none is taken literally', () => {
    for (const name of ['$site', '$!site', '$!{site}', '${site}', '$site.get("a")', 'a-$site']) {
      const text = sender(
        { host: `https://a.example.org/${name}/in`, content: `{"a": "${name}"}` },
        { 'X-Site': name },
        { site: name }
      )
      const values = outOf(text)
      assert.deepEqual(
        [values['url'], values['headers'], values['bodyTemplate']],
        [undefined, undefined, undefined]
      )
    }
    assert.equal(outOf(sender({ host: '$registryUrl' }))['url'], undefined)
    assert.equal(outOf(sender({ host: "$env.get('HL7_URL')" }))['url'], '${HL7_URL}')
    assert.equal(outOf(sender({ content: '$message.encodedData' }))['format'], 'raw')
    // No variable of Velocity.
    const price = outOf(sender({}, { 'X-Price': '5 $, $1' }))['headers']
    assert.deepEqual(price, [{ name: 'X-Price', value: '5 $, $1', valueType: 'str' }])
  })

  it('that sends JSON or XML as RAW has a transformer that makes it', () => {
    const raw = (contentType: string, type = 'RAW'): string[] => {
      const text = sender({ contentType, content: '${message.encodedData}' })
      const transformer = `<transformer><outboundDataType>${type}</outboundDataType></transformer>`
      return rowsOf(text.replace('</connector>', `${transformer}</connector>`)).flatMap((row) =>
        row.notes.map(({ key, values }) =>
          key === 'madeElsewhere' ? String(values?.['type']) : key
        )
      )
    }
    assert.ok(raw('application/json').includes('JSON'))
    assert.ok(raw('application/fhir+json; charset=utf-8').includes('JSON'))
    assert.ok(raw('text/xml').includes('XML'))
    for (const notes of [raw('text/plain'), raw('application/hl7-v2'), raw('a/json', 'HL7V2')]) {
      assert.ok(!notes.some((one) => ['JSON', 'XML', 'RAW', 'HL7V2'].includes(one)), notes.join())
    }
  })

  it('has a header once', () => {
    const two = sender({}, { Accept: 'a' }).replace(
      '<string>a</string>',
      '<string>a</string><string>b</string>'
    )
    assert.deepEqual(outOf(two)['headers'], [{ name: 'Accept', value: 'a', valueType: 'str' }])
    assert.ok(notesOf(two).includes('sameName'))
    const types = sender({ contentType: 'text/plain' }, { 'Content-Type': 'application/hl7-v2' })
    assert.equal(outOf(types)['contentType'], 'text/plain')
    assert.ok(notesOf(types).includes('sameName'))
  })

  it('has the character set that its content type names', () => {
    const of = (contentType: string, charset: string, content = '${message.encodedData}') => {
      const values = outOf(sender({ contentType, charset, content }))
      return [values['contentType'], values['charset']]
    }
    for (const type of ['text/plain; charset=ISO-8859-1', 'a/b; charset="utf-8"; v=2']) {
      assert.deepEqual(of(type, 'UTF-8'), [type, undefined])
    }
    const added = ['text/plain; charset=ISO-8859-1', 'iso-8859-1']
    assert.deepEqual(of('text/plain', 'ISO-8859-1'), added)
    assert.deepEqual(of('text/plain', 'DEFAULT_ENCODING'), ['text/plain', undefined])
    // Of a template, the body is UTF-8.
    const json = '{"m": "${message.encodedData}"}'
    assert.deepEqual(of('a/json; charset=utf-8', 'UTF-8', json), ['a/json; charset=utf-8', 'utf-8'])
    assert.deepEqual(of('a/json; charset=latin1', 'latin1', json), ['a/json', undefined])
  })

  it('of a version before 3.0 has its settings by name', () => {
    const property = ([name, value]: [string, string]): string =>
      `<property name="${name}">${escapeXml(value)}</property>`
    const settings = {
      host: 'https://joe:s3cret@a.example.org/in',
      method: 'put',
      password: 's3cret',
      usePersistentQueues: '1',
      multipart: '0',
      content: '${message.encodedData}',
      headerVariables: '<map><entry><string>X-A</string><string>s3cret</string></entry></map>'
    }
    const text = `<connector><properties>${Object.entries(settings).map(property).join('')}</properties><transportName>HTTP Sender</transportName></connector>`
    const values = outOf(text)
    assert.equal(values['url'], 'https://a.example.org/in')
    assert.equal(values['method'], undefined)
    assert.ok(notesOf(text).includes('method'))
    assert.equal(values['format'], 'raw')
    assert.equal(values['failureTimeout'], '-1')
    assert.doesNotMatch(JSON.stringify([rowsOf(text), values]), /s3cret/)
  })

  it('with thousands of parameters takes no longer for each', () => {
    const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, at) => [`p${at}`, 'v']))
    const started = performance.now()
    assert.match(outOf(sender({}, {}, many))['url'] as string, /&p9999=v$/)
    assert.ok(performance.now() - started < 20_000)
  })
})
