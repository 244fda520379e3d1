import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import jsonata from 'jsonata'
import { isSecretName, shownText } from '../../nodes/editor/import/shown-value.ts'
import type { ListEntry } from '../../nodes/editor/named-value.ts'
import { escapeXml } from '../../src/hl7-over-http/escape-xml.ts'
import { isSecret, notesOf, outOf, rowsOf } from '../support/import-table.ts'

const HL7 = 'MSH|^~\\&|NORTH'
const SECRET = /s3cret|77665544/

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`
const curl = (type: string, body: string): string =>
  `curl https://a.example.org/in -H 'Content-Type: ${type}' --data-raw ${quoted(body)}`
const mirth = (type: string, content: string): string =>
  `<connector><properties class="a.HttpDispatcherProperties"><host>https://a.example.org/in</host><content>${escapeXml(content)}</content><contentType>${type}</contentType></properties></connector>`

/** What is shown, and what goes into the flow file. */
function visible(text: string): string {
  const rows = rowsOf(text).map(({ setting, given, notes }) => [setting, given, notes])
  const values = Object.entries(outOf(text)).filter(([name]) => !isSecret(name))
  return JSON.stringify([rows, values])
}

/** What the receiver gets by the template of a command. */
async function sent(text: string): Promise<unknown> {
  const values = outOf(text)
  const fields = (values['formFields'] ?? []) as readonly ListEntry[]
  const expression = jsonata(values['bodyTemplate'] as string)
  expression.registerFunction('xml', (value: string) => escapeXml(value), '<s-:s>')
  return expression.evaluate(undefined, {
    message: HL7,
    fields: Object.fromEntries(fields.map(({ name, value }) => [name, values[value]]))
  })
}

const XML = [
  '<a><password>s3cret</password>MESSAGE</a>',
  '<a><w:Password Type="x#PasswordText" id="1">s3cret</w:Password>MESSAGE</a>',
  '<a><password>  s3cret&amp;&lt;x  </password>MESSAGE</a>'.replaceAll('  ', ''),
  '<a><password><![CDATA[s3cret&<x]]></password>MESSAGE</a>',
  '<a><login user="u" password="s3cret" w:pin=\'s3cret2\'/>MESSAGE</a>',
  '<a><param name="password">s3cret</param><param name="site">north</param>MESSAGE</a>',
  '<a><add key="apiKey" value="s3cret"/><add key="site" value="north"/>MESSAGE</a>',
  '<a><Credentials><User>s3cretary</User><Value>s3cret</Value></Credentials>MESSAGE</a>',
  '<a><one><token>s3cret1</token></one><two><Token>s3cret2</Token></two>MESSAGE</a>',
  '<a><token>s3cret1</token><token>s3cret1</token><token2>s3cret3</token2>MESSAGE</a>',
  '<a><auth>Bearer s3cret</auth><to>https://joe:s3cret@b.example.org</to>MESSAGE</a>',
  '<a><![CDATA[<b><password>s3cret</password></b>]]><c>north</c>MESSAGE</a>',
  '<a xmlns:pass="urn:x"><UsernameToken><Username>u</Username></UsernameToken>MESSAGE</a>'
]

const JSONS = [
  { password: 's3cret', m: HL7 },
  { password: 77665544, code: 's3cret', m: HL7 },
  {
    sender: { password: 's3cret1' },
    receiver: { password: 's3cret2', Password: 's3cret3' },
    m: HL7
  },
  { password: 's3cret', password2: 's3cret2', PASSWORD: 's3cret3', m: HL7 },
  { credentials: { value: 's3cret', list: ['s3cret2'] }, token: ['s3cret3'], m: HL7 },
  {
    parameters: [
      { name: 'apiKey', value: 's3cret' },
      { name: 'site', value: 'north' }
    ],
    m: HL7
  },
  { auth: 'Basic czNjcmV0', to: 'https://joe:s3cret@b.example.org', m: [HL7] },
  { 'a`b secret': 's3cret', secret: '', token: null, m: HL7 }
]

describe('a secret in a body', () => {
  for (const body of XML) {
    it(`becomes a field, and the body stays what it is: ${body}`, async () => {
      const [cdata, element] = [`<m><![CDATA[${HL7}]]></m>`, `<m>${escapeXml(HL7)}</m>`]
      for (const message of [cdata, element]) {
        const whole = body.replace('MESSAGE', () => message)
        const text = curl('text/xml', whole)
        assert.doesNotMatch(visible(text), SECRET)
        assert.equal(await sent(text), whole)
      }
      const exported = mirth('text/xml', body.replace('MESSAGE', '<m>${message.encodedData}</m>'))
      assert.doesNotMatch(JSON.stringify([rowsOf(exported), outOf(exported)]), SECRET)
    })
  }

  for (const body of JSONS) {
    const json = JSON.stringify(body)
    it(`becomes a field of its own: ${json}`, async () => {
      const text = curl('application/json', json)
      assert.doesNotMatch(visible(text), SECRET)
      assert.deepEqual(JSON.parse(JSON.stringify(await sent(text))), body)
      const content = json.replace(JSON.stringify(HL7), '"${message.encodedData}"')
      const exported = mirth('application/json', content)
      assert.notEqual(outOf(exported)['bodyTemplate'], undefined)
      assert.doesNotMatch(JSON.stringify([rowsOf(exported), outOf(exported)]), SECRET)
    })
  }

  it('leaves no template where nothing says where it ends', () => {
    for (const [type, content] of [
      ['text/plain', 'user=u&password=s3cret&m=${message.encodedData}'],
      ['application/x-www-form-urlencoded', 'token=s3cret&m=${message.encodedData}'],
      ['multipart/form-data', '--x\nname="token"\n\ns3cret\n--x\n\n${message.encodedData}\n--x--'],
      ['application/json', '{"m": "password=s3cret;${message.encodedData}"}'],
      ['application/json', '{"token": "s3cret ${message.encodedData}"}'],
      ['text/xml', '<a><token>s3cret ${message.encodedData}</token></a>'],
      ['text/xml', '<a><b x="1>" password="s3cret"/>${message.encodedData}</a>']
    ] as const) {
      const text = mirth(type, content)
      assert.doesNotMatch(JSON.stringify([rowsOf(text), outOf(text)]), SECRET, content)
      assert.equal(outOf(text)['bodyTemplate'], undefined, content)
      assert.ok(notesOf(text).includes('templateByHand'), content)
    }
  })

  it('is no word of a sentence', () => {
    const text = mirth('text/plain', 'BATCH ${message.encodedData} code 5, key 7')
    assert.equal(outOf(text)['bodyTemplate'], '"BATCH " & $message & " code 5, key 7"')
    assert.ok(!notesOf(text).includes('secretToFill'))
    const secret = mirth('text/plain', 'password s3cret ${message.encodedData}')
    assert.equal(outOf(secret)['bodyTemplate'], undefined)
  })

  it('is read as XML means it', () => {
    const body = `<a><password>s3&#99;ret&amp;#99;&#x26;lt;</password><m>${escapeXml(HL7)}</m></a>`
    assert.equal(outOf(curl('text/xml', body))['secret1'], 's3cret&#99;&lt;')
  })

  it('leaves its label where that is', () => {
    const body = JSON.stringify([{ key: 'apiKey', value: 's3cret' }, HL7])
    const template = '[{"key": "apiKey", "value": $fields.apiKey}, $message]'
    assert.equal(outOf(curl('application/json', body))['bodyTemplate'], template)
    const xml = `<a><add key="apiKey" value="s3cret"/><m>${escapeXml(HL7)}</m></a>`
    assert.match(outOf(curl('text/xml', xml))['bodyTemplate'] as string, /key=\\"apiKey\\" value/)
  })

  it('is not shown where there is no message, either', () => {
    for (const body of ['{"credentials": {"value": "s3cret"}}', '<a><b password="s3cret"/></a>']) {
      assert.doesNotMatch(visible(curl('', body)), SECRET)
    }
  })
})

describe('a secret', () => {
  it('is known by its name', () => {
    for (const name of [
      ...['X-Clinic-Token', 'X-Vault-Token', 'actor_token', 'X-Api-Credential', 'Credentials'],
      ...['FACILITY_PIN_CODE', 'X-Facility-PIN', 'AccessCode', 'JWT', 'X-Hmac', 'X-PSK', 'userpw'],
      ...['dbpass', 'Passwort', 'Kennwort', 'LicenseKey', 'ConsumerKey', 'MasterKey', 'X-Site-Key'],
      ...['mot_de_passe', 'Contraseña', 'X-Auth', 'client_assertion', 'TokenValue']
    ]) {
      assert.ok(isSecretName(name), name)
    }
    for (const name of [
      'UsernameToken',
      'token_endpoint',
      'OAuth2JWTSubject',
      'X-Facility',
      'shipping',
      'Passage'
    ]) {
      assert.ok(!isSecretName(name), name)
    }
  })

  it('is known by what it is, too', () => {
    for (const value of ['Bearer s3cret', 'token=s3cret', '{"pin": "s3cret"}']) {
      const text = `curl https://a.example.org/in -H ${quoted(`X-Custom: ${value}`)}`
      assert.doesNotMatch(visible(text), SECRET)
      assert.equal(outOf(text)['secret1'], value)
    }
  })

  it('is no name with a colon and an at sign', () => {
    const note = 'urn:oid:2.16.840@x'
    assert.deepEqual(outOf(`curl https://a.example.org/in -H 'X-Oid: ${note}'`)['headers'], [
      { name: 'X-Oid', value: note, valueType: 'str' }
    ])
    for (const [type, body] of [
      ['application/json', `{"note": "a:b@c", "m": "${HL7.replaceAll('\\', '\\\\')}"}`],
      ['text/xml', `<a xmlns:x="urn:a:b@c"><m>${escapeXml(HL7)}</m></a>`]
    ] as const) {
      assert.equal(outOf(curl(type, body))['formFields'], undefined, body)
    }
  })

  it('is shown of no option', () => {
    const options = [
      ...['--proxy-pass s3cret', '--tlspassword s3cret', '--variable tok=s3cret', '-U joe:s3cret'],
      ...['-x joe:s3cret@proxy:3128', '--pass s3cret', '--proxy-header "X-Api-Key: s3cret"'],
      ...['--expand-user joe:s3cret', '--url joe:s3cret@b.example.org']
    ]
    assert.doesNotMatch(visible(`curl https://a.example.org/in ${options.join(' ')}`), SECRET)
  })

  it('is hidden in a text, with nothing around it', () => {
    assert.equal(shownText('{"token":["s3cret"],"a":1}'), '{"token":•••,"a":1}')
    assert.equal(shownText('a password: s3cret, site: north'), 'a password: •••, site: north')
    assert.equal(shownText('{\\"pin\\": \\"s3cret\\"}'), '{\\"pin\\": \\"•••\\"}')
    assert.equal(shownText('<password a="b">s3cret</password>'), '<password a="b">•••</password>')
    for (const text of [
      'token=${TOKEN}',
      'key={{key}}',
      '/{key}/',
      'password: <password>',
      'pin='
    ]) {
      assert.equal(shownText(text), text)
    }
  })
})
