import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { valuesOf, type ImportRow } from '../../nodes/editor/import/import-row.ts'
import { MAX_SOURCE } from '../../nodes/editor/import/read-source.ts'
import { shownText } from '../../nodes/editor/import/shown-value.ts'
import {
  notesOf as notes,
  outOf as out,
  readText,
  recording,
  rowsOf,
  SLOTS,
  tableOf
} from '../support/import-table.ts'
import fc from '../support/properties.ts'

const refusal = (text: string): string | undefined => readText(text).refusal
const rules = (rows: readonly ImportRow[], ticked?: ReadonlySet<ImportRow>): string => {
  const { replyCodeActions } = valuesOf('out', rows, ticked)
  return typeof replyCodeActions === 'string' ? replyCodeActions : ''
}
const item = (settings: string, attributes = ''): string =>
  `<Item Name="x" ClassName="EnsLib.HL7.Operation.HTTPOperation"${attributes}>${settings}</Item>`
const setting = (name: string, value: string): string =>
  `<Setting Target="Host" Name="${name}">${value}</Setting>`
const connector = (properties: string, rest = ''): string =>
  `<connector><name>x</name><properties class="a.HttpDispatcherProperties"><destinationConnectorProperties>${properties}</destinationConnectorProperties></properties>${rest}</connector>`

const http = (properties: string): string =>
  `<connector><properties class="a.HttpDispatcherProperties">${properties}</properties></connector>`
const each = (number: number, one: (at: number) => string): string =>
  Array.from({ length: number }, (_, at) => one(at)).join('')

describe('what cannot be imported', () => {
  it('is said in one word each', () => {
    assert.equal(refusal('x'.repeat(MAX_SOURCE + 1)), 'tooLarge')
    assert.equal(refusal('good morning'), 'unknown')
    assert.equal(refusal('You need curl and a browser'), 'unknown')
    assert.equal(refusal('<html><body>curl</body></html>'), 'unknown')
    assert.equal(refusal('<channel>\0</channel>'), 'encoding')
    assert.equal(refusal('<channel>\ufffd\ufffd\ufffd\ufffd</channel>'), 'encoding')
    assert.equal(refusal('<channel><a></b></channel>'), 'notXml')
    assert.equal(refusal('<channel><name>x</name></channel>'), 'nothingSends')
    assert.equal(refusal('<Production Name="x"></Production>'), 'nothingSends')
  })

  it('is more than a person would choose from', () => {
    const many = (one: string, number: number): string => one.repeat(number)
    for (const one of [item(''), connector(''), 'curl https://a.example.org\n']) {
      assert.equal(readText(many(one, 50)).sources?.length, 50, one)
      assert.equal(refusal(many(one, 51)), 'tooMany', one)
    }
    assert.equal(refusal(`curl a.b${many(' --next a.b', 50)}`), 'tooMany')
    // A quote that the first line leaves open goes on to the next one: all of it is one command.
    assert.equal(readText(`${'" curl "%AB%\n'.repeat(100)}"`).sources?.length, 1)
  })

  it('is a document type or an entity, wherever it stands', () => {
    const laughs = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
    const file = '<!doctype x SYSTEM "file:///etc/passwd">'
    for (const type of [laughs, file, '<!ENTITY x SYSTEM "http://127.0.0.1/">']) {
      assert.equal(refusal(`${type}${item('')}`), 'doctype')
      assert.equal(refusal(`${item('')}${type}`), 'doctype')
    }
  })

  it('is half of something', () => {
    for (const name of ['production.cls', 'own-class.xml', 'channel.xml', 'connector.xml']) {
      const whole = recording(name)
      for (const part of [0.5, 0.9]) {
        assert.equal(refusal(whole.slice(0, whole.length * part)), 'cut', `${name} ${part}`)
      }
    }
    assert.equal(refusal("curl https://a.example.org -H 'X: y"), 'cut')
    assert.equal(refusal('curl https://a.example.org \\'), 'cut')
  })

  it('is too deep', () => {
    const deep = '<a>'.repeat(100) + '</a>'.repeat(100)
    assert.equal(refusal(`<channel>${deep}</channel>`), 'notXml')
  })

  it('takes no longer for being long', () => {
    // Of this process alone: other tests run beside it.
    const started = process.cpuUsage()
    const long = 200_000
    for (const text of [
      `<Item ${'a'.repeat(long)}`,
      `<Item ${'"'.repeat(long)}`,
      'curl '.repeat(long / 5),
      `curl https://a.example.org -F 'a=@b;c="${'\\"'.repeat(long / 4)}'`,
      'curl ;'.repeat(long / 6),
      'C:\\>curl ;'.repeat(long / 10),
      `curl ${'$'.repeat(long)} https://a.example.org`,
      `curl ${'-'.repeat(long)} https://a.example.org`,
      `curl https://a.example.org -H '${'a:'.repeat(long / 2)}'`,
      `curl https://a.example.org -d '${'&a='.repeat(long / 3)}'`,
      `curl https://a.example.org ${'-d a=b '.repeat(long / 7)}`,
      `curl https://a.example.org ${'-F a=@b '.repeat(long / 8)}`,
      `curl https://a.example.org ${'x '.repeat(long / 2)}`,
      'curl https://a.example.org\n'.repeat(long / 27),
      `curl https://a.example.org -H 'Content-Type: text/xml' -d '${'<a>x</a>'.repeat(long / 8)}<m>MSH|</m>'`,
      `curl https://a.example.org -H 'Content-Type: text/xml' -d '${'<password>'.repeat(long / 10)}<m>MSH|</m>'`,
      item(setting('ExtraHeaders', 'a:'.repeat(long / 2))),
      item(setting('ReplyCodeActions', ':?R=RF,'.repeat(long / 7))),
      connector('<connector></connector>'.repeat(long / 30)),
      // Each of these took longer than in proportion, or threw.
      '" curl "%AB%\n'.repeat(long / 13),
      'curl "\n'.repeat(long / 7),
      'C:\\>curl "a\n'.repeat(long / 12),
      `C:\\>${'curl a.b & '.repeat(long / 11)}`,
      `C:\\>curl ${'^\n'.repeat(long / 2)}`,
      `curl ${'$('.repeat(long / 2)}`,
      `curl ${'\\\n'.repeat(long / 2)}`,
      `curl https://a.example.org -u a:${'b'.repeat(long)}`,
      `curl https://a.example.org -${'s'.repeat(long)}`,
      `curl "https://a.example.org/?${each(long / 16, (at) => `pin${at}_pin=b&`)}"`,
      `curl https://a.example.org -H 'Content-Type: text/xml' -d '${'>MSH|'.repeat(long / 5)}'`,
      `curl https://a.example.org -H 'Content-Type: text/xml' -d '<a ${'name="d" '.repeat(long / 9)}><m>MSH|</m></a>'`,
      `curl https://a.example.org -d '${'['.repeat(900)}"MSH|"${',"a"'.repeat(long / 4)}${']'.repeat(900)}'`,
      `curl https://a.example.org -d '{"m":"MSH|"${each(long / 24, (at) => `,"pin${at}_pin":"\${A}"`)}}'`,
      item('').replace('EnsLib', 'HL7TCP'.repeat(long / 6)),
      item(
        each(long / 2000, (at) =>
          setting(
            'ExtraHeaders',
            each(200, (of) => `x${at}-${of}:y,`)
          )
        )
      ),
      http(`<content>x\${message.encodedData}${'\n '.repeat(long / 2)}x</content>`),
      http(
        '<host>https://a.example.org</host>'.repeat(long / 70) +
          `<parameters>${'<entry><string>a</string><string>b</string></entry>'.repeat(long / 110)}</parameters>`
      ),
      connector(
        '<validateResponse>true</validateResponse>'.repeat(long / 80),
        `<responseTransformer><inboundProperties><responseValidationProperties><successfulACKCode>${'AB,'.repeat(long / 6)}</successfulACKCode></responseValidationProperties></inboundProperties></responseTransformer>`
      ),
      `<channel><deployScript>//\n${' '.repeat(long)}x</deployScript>${connector('')}</channel>`
    ]) {
      for (const source of readText(text).sources ?? []) valuesOf('out', source.rows(SLOTS))
    }
    shownText('bearer '.repeat(long / 7) + ' '.repeat(long))
    shownText('a'.repeat(long) + '://'.repeat(long / 3))
    const { system, user } = process.cpuUsage(started)
    assert.ok(system + user < 10_000_000, `${system + user} µs`)
  })
})

describe('every setting', () => {
  it('of an item is a row, whatever its name and value', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(fc.stringMatching(/^[A-Za-z_]{1,12}$/), fc.stringMatching(/^[\w :;,=@-]{0,12}$/))
        ),
        (pairs) => {
          const rows = rowsOf(item(pairs.map(([name, value]) => setting(name, value)).join('')))
          const names = rows.map((row) => row.setting)
          for (const [name] of pairs) assert.ok(names.includes(name), name)
          assert.ok(rows.length >= pairs.length + 2)
          assert.ok(rows.every((row) => row.out ?? row.token ?? row.notes.length > 0))
        }
      )
    )
  })

  it('with the name of something of JavaScript, too', () => {
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      const row = rowsOf(item(setting(name, 'x'))).find((one) => one.setting === name)
      assert.deepEqual(row?.notes, [{ key: 'unknown' }])
      const other = rowsOf(connector(`<${name}>x</${name}>`)).find((one) => one.setting === name)
      assert.deepEqual(other?.notes, [{ key: 'unknown' }])
    }
    assert.equal(({} as { x?: string }).x, undefined)
  })

  it('stands between other text', () => {
    const text = recording('own-class.xml')
    assert.equal(tableOf(`Hello,\nthis is it & more <b>:\n${text}\nBye <3`), tableOf(text))
    assert.equal(tableOf(`\u{feff}${text}`), tableOf(text))
    assert.equal(tableOf(text.replaceAll('\n', '\r\n')), tableOf(text))
  })
})

describe('settings of InterSystems', () => {
  it('keep their meaning: one second of an outage counts there', () => {
    const values = out(item(setting('FailureTimeout', '60')))
    assert.equal(values['failureTimeout'], '60')
    assert.equal(values['failWhileUnreachable'], true)
    assert.equal(out(item(setting('FailureTimeout', '0')))['failureTimeout'], '0')
    assert.equal(out(item(setting('FailureTimeout', '-1')))['failureTimeout'], '-1')
  })

  it('have the default of their class where one is absent', () => {
    const http = item('').replace(
      'EnsLib.HL7.Operation.HTTPOperation',
      'EnsLib.HTTP.GenericOperation'
    )
    assert.equal(
      out(http.replace('></Item>', `>${setting('HTTPServer', 'a')}</Item>`))['failureTimeout'],
      '15'
    )
    assert.equal(out(http)['replyCodeActions'], undefined)
    assert.equal(out(item(''))['failureTimeout'], '-1')
    assert.equal(out(item(''))['retryMaxInterval'], '5')
  })

  it('have no default that is certain where the class is one of their own', () => {
    const own = item('').replace(/ClassName=".*?"/, 'ClassName="North.Operation"')
    const http = own.replace('></Item>', `>${setting('HTTPServer', 'a')}</Item>`)
    const notesOf = (text: string, name: string): string[] =>
      rowsOf(text)
        .filter((row) => row.setting === name)
        .flatMap((row) => row.notes.map(({ key }) => key))
    for (const name of ['ReplyCodeActions', 'FailureTimeout']) {
      assert.ok(notesOf(http, name).includes('ownClass'), name)
      assert.ok(!notesOf(item(''), name).includes('ownClass'), name)
    }
    const empty = http.replace('</Item>', `${setting('ReplyCodeActions', '')}</Item>`)
    assert.ok(notesOf(empty, 'ReplyCodeActions').includes('ownClass'))
    const written = http.replace('</Item>', `${setting('ReplyCodeActions', ':?A=C')}</Item>`)
    assert.ok(!notesOf(written, 'ReplyCodeActions').includes('ownClass'))
  })

  it('of an operation that only fetches tokens are for the form of the OAuth 2.0 node', () => {
    const token = (path: string): string =>
      item(
        setting('HTTPServer', 'idp.example.org') +
          setting('URL', path) +
          setting('SSLConfig', 'x') +
          setting('ClientID', 'my-id') +
          setting('clientsecret', 's3cret') +
          setting('grant_type', 'client_credentials') +
          setting('Scope', 'hl7.write')
      )
    for (const path of [
      '/connect/token',
      'oauth2/v2.0/token',
      '/as/token.oauth2',
      '/access_token'
    ]) {
      const [source, other] =
        readText(token(path) + item(setting('URL', '/tokens/in'))).sources ?? []
      assert.deepEqual([source?.isTokenRequest, other?.isTokenRequest], [true, false], path)
      const rows = source?.rows(SLOTS) ?? []
      assert.deepEqual(valuesOf('out', rows), {})
      assert.deepEqual(valuesOf('token', rows), {
        name: 'x',
        tokenEndpoint: new URL(path, 'https://idp.example.org').href,
        clientId: 'my-id',
        grantType: 'client_credentials',
        scope: 'hl7.write'
      })
      assert.ok(rows.every((row) => row.token ?? row.notes.length > 0))
      assert.doesNotMatch(JSON.stringify(rows), /s3cret/)
    }
  })

  it('say that one reject holds up everything, unless it is limited', () => {
    assert.ok(notes(item('')).includes('rejectHolds'))
    const limited = item(
      setting('ReplyCodeActions', ':?R=R10S,:?A=C') + setting('FailureTimeout', '-1')
    )
    assert.ok(!notes(limited).includes('rejectHolds'))
    assert.equal(out(limited)['replyCodeActions'], ':?R=R10S,:?A=C')
    const timed = item(
      setting('ReplyCodeActions', ':?R=RF,:?A=C') + setting('FailureTimeout', '60')
    )
    assert.ok(!notes(timed).includes('rejectHolds'))
  })

  it('take no address without a server', () => {
    assert.ok(notes(item(setting('URL', '/in'))).includes('serverElsewhere'))
    assert.equal(out(item(setting('URL', '/in')))['url'], undefined)
  })

  it('take no server that is more than a name', () => {
    for (const server of ['https://a.example.org/base', 'a.example.org/base', '@Ens', 'a b']) {
      const text = item(setting('HTTPServer', server) + setting('URL', 'in'))
      assert.equal(out(text)['url'], undefined, server)
      assert.ok(notes(text).includes('urlUnreadable'), server)
    }
    for (const server of ['a.example.org', 'a.example.org:8443', '[2001:db8::1]', 'hl7_server']) {
      const text = item(setting('HTTPServer', server) + setting('SSLConfig', 'x'))
      assert.equal(out(text)['url'], `https://${server}/`)
    }
    for (const server of ['münchen.example.org', 'hl7.example.org/']) {
      const text = item(setting('HTTPServer', server) + setting('SSLConfig', 'x'))
      assert.equal(out(text)['url'], new URL(`https://${server}`).href)
    }
  })

  it('show the name of credentials, and no secret', () => {
    const given = rowsOf(item(setting('Credentials', 'Registry') + setting('ApiToken', 's3cret')))
    const shown = given.map((row) => [row.setting, row.given, row.notes[0]?.key])
    assert.ok(shown.some((row) => row.join() === 'Credentials,Registry,credentials'))
    assert.ok(shown.some((row) => row.join() === 'ApiToken,•••,exportSecret'))
  })

  it('tell rules and numbers that cannot be used', () => {
    assert.ok(notes(item(setting('ReplyCodeActions', ':?R=XX'))).includes('rulesUnreadable'))
    assert.ok(notes(item(setting('RetryInterval', 'soon'))).includes('numberUnfit'))
  })
})

describe('settings of Mirth', () => {
  const validation =
    '<responseTransformer><inboundProperties><responseValidationProperties><successfulACKCode>AA,CA</successfulACKCode><errorACKCode>AE,CE</errorACKCode><rejectedACKCode>AR,CR</rejectedACKCode></responseValidationProperties></inboundProperties></responseTransformer>'
  const queue = (properties: Record<string, string>): string =>
    Object.entries(properties)
      .map(([name, value]) => `<${name}>${value}</${name}>`)
      .join('')

  it('keep their number of retries, with refusals if these are looked at', () => {
    const some = queue({ queueEnabled: 'false', retryCount: '4', validateResponse: 'true' })
    assert.match(rules(rowsOf(connector(some, validation))), /^\(E,:\?E,:\?R\)=R4F,/)
    assert.equal(out(connector(some, validation))['failureTimeout'], '-1')
    const unlooked = queue({ queueEnabled: 'false', retryCount: '4', validateResponse: 'false' })
    assert.match(rules(rowsOf(connector(unlooked))), /^E=R4F,:I\?=W,:\?A=C/)
    const none = queue({ queueEnabled: 'false', retryCount: '0' })
    assert.equal(out(connector(none))['failureTimeout'], '0')
  })

  it('try for ever with a queue, whatever the number is', () => {
    const rows = rowsOf(connector(queue({ queueEnabled: 'true', retryCount: '4' })))
    assert.equal(valuesOf('out', rows)['failureTimeout'], '-1')
    assert.match(rules(rows), /^E=RF,/)
  })

  it('become careless only by a tick', () => {
    const rows = rowsOf(connector(queue({ validateResponse: 'false' })))
    const ticked = rows.filter(({ tick }) => tick)
    assert.deepEqual(
      ticked.map(({ setting }) => setting),
      ['validateResponse']
    )
    assert.equal(rules(rows), '')
    assert.match(rules(rows, new Set(ticked)), /^\(@status:2xx,X\)=C,/)
  })

  it('look at nothing if only what goes out is HL7', () => {
    const wrong = validation.replaceAll('inboundProperties', 'outboundProperties')
    const rows = rowsOf(connector(queue({ validateResponse: 'true' }), wrong))
    assert.equal(rows.find(({ setting }) => setting === 'validateResponse')?.tick, true)
  })

  it('name what a variable becomes', () => {
    const http = (properties: Record<string, string>): string =>
      `<connector><name>x</name><properties class="a.HttpDispatcherProperties">${queue(properties)}</properties></connector>`
    const values = out(http({ host: "${env.get('HL7_URL')}", content: '${body}' }))
    assert.equal(values['url'], '${HL7_URL}')
    assert.equal(values['format'], 'raw')
    const parameters = '<entry><string>a</string><list><string>b</string></list></entry>'
    const elsewhere = http({ host: '${url}', parameters, content: '{"a": "${body}"}' })
    assert.equal(out(elsewhere)['url'], undefined)
    for (const key of ['urlVariable', 'queryByHand', 'templateVariable']) {
      assert.ok(notes(elsewhere).includes(key), key)
    }
    assert.ok(notes(http({ content: '${body}' })).includes('contentVariable'))
  })

  it('have no order if others may overtake', () => {
    assert.equal(out(connector(queue({ rotate: 'true', threadCount: '1' })))['order'], 'none')
    assert.equal(out(connector(queue({ rotate: 'false', threadCount: '4' })))['order'], 'none')
    const keyed = queue({ threadCount: '4', threadAssignmentVariable: 'mrn' })
    assert.equal(out(connector(keyed))['order'], 'key')
    const both = queue({ threadCount: '4', threadAssignmentVariable: 'mrn', rotate: 'true' })
    assert.equal(out(connector(both))['order'], 'none')
  })
})
