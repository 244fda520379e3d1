import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Redactor, secretsInHeader } from '../src/redactor.ts'
import fc from './support/properties.ts'

const hide = (text: string, ...secrets: string[]): string => new Redactor(secrets).hide(text)

describe('a Redactor', () => {
  it('leaves words and trace ids alone', () => {
    for (const text of [
      'Invalid client secret provided for this client.',
      'AADSTS7000215: Invalid client secret provided. Trace ID: 7f0c8f4e-4a5b-4c8e-9a77-0d9f0e6f1b00 Correlation ID: 3b1e6c1d0a6c4f0e9d2f8a7b6c5d4e3f',
      'https://login.microsoftonline.com/tenant/oauth2/v2.0/token, unsupported_grant_type_for_client',
      'keyJournal, eyJ, jockeyJumpsHigherThanOthers'
    ]) {
      assert.equal(hide(text, 'my-client-secret', 'Winter2026!'), text)
    }
  })

  it('hides a secret as URLs, forms, JSON, XML and HTML write it', () => {
    const secret = 'p&"w\' 12/ü<>+%\\😀'
    const written = {
      itself: secret,
      URL: encodeURIComponent(secret),
      'URL in lower case': encodeURIComponent(secret).replace(/%../g, (hex) => hex.toLowerCase()),
      'URL in a URL': encodeURIComponent(encodeURIComponent(secret)),
      form: new URLSearchParams({ '': secret }).toString().slice(1),
      JSON: JSON.stringify(secret).slice(1, -1),
      "PHP's JSON": JSON.stringify(secret).slice(1, -1).replace('/', '\\/'),
      'ASCII JSON': JSON.stringify(secret)
        .slice(1, -1)
        .replace(/[^\0-~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
      XML: 'p&amp;&quot;w&apos; 12/ü&lt;&gt;+%\\😀',
      "Python's html.escape": 'p&amp;&quot;w&#x27; 12/ü&lt;&gt;+%\\😀',
      'ASCII XML': 'p&#38;&#34;w&#39; 12/&#252;&#60;&#62;+%\\&#128512;'
    }
    for (const [what, form] of Object.entries(written)) {
      assert.equal(hide(`bad: [${form}]`, secret), 'bad: [•••]', what)
    }
  })

  it('hides a short secret, or one that is a word, where it stands alone', () => {
    assert.equal(hide('secret a1 is bad', 'a1'), 'secret ••• is bad')
    assert.equal(
      hide('{"secret":"a1"}, client_secret=a1&b=ba1a', 'a1'),
      '{"secret":"•••"}, client_secret=•••&b=ba1a'
    )
    assert.equal(hide('Invalid: invalid_client', 'i'), 'Invalid: invalid_client')
    assert.equal(hide('password for passwords: password', 'password'), '••• for passwords: •••')
    assert.equal(hide('x§y §', '§'), 'x§y •••')
    assert.equal(hide('xWinter2026y', 'Winter2026'), 'x•••y')
  })

  it('knows that a word begins after what URLs and JSON write before it', () => {
    const jwe = 'eyJhbGciOiJSU0EtT0FFUC0yNTYifQ.abc.def.ghi.jkl'
    for (const before of ['key%3D', 'a%253D', '\\r\\n', 'key\\u003d', '\\u003D', '=', '']) {
      assert.equal(hide(`${before}password a1 `, 'password', 'a1'), `${before}••• ••• `)
      assert.equal(hide(before + jwe), `${before}•••`)
    }
  })

  it('hides every JSON Web Token', () => {
    const jwt = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2lnbmF0dXJl'
    assert.equal(hide(`token ${jwt} is bad`), 'token ••• is bad')
    assert.equal(hide(`token ${jwt.slice(0, 25)}… is bad`), 'token •••… is bad')
    // Cut off within its header, before the first full stop.
    assert.equal(hide(`token ${jwt.slice(0, 18)}… is bad`), 'token •••… is bad')
  })

  it('knows a long secret by its beginning', () => {
    const token = 'Qx7~Vb93+LmK2w==.Zt5'.repeat(20)
    assert.equal(hide(`you sent ${token}; ${token.slice(0, 100)}…`, token), 'you sent •••; •••')
    const phrase = 'correct horse "battery" staple & '.repeat(4)
    assert.equal(hide(`you sent (${phrase.trim()})`, phrase), 'you sent (•••')
  })

  it('prefers the longer of two secrets, and knows those that are added later', () => {
    const redactor = new Redactor(['', '  ', 'abcdefg1'])
    assert.equal(redactor.hide('abcdefg1ijkl'), '•••ijkl')
    redactor.add('abcdefg1ijkl')
    assert.equal(redactor.hide('abcdefg1ijkl abcdefg1'), '••• •••')
  })

  it('hides secrets in every text of a JSON value', () => {
    const answer = { ok: false, list: ['Winter2026', 1, null], inner: { text: 'no Winter2026' } }
    assert.deepEqual(new Redactor(['Winter2026']).hideIn(answer), {
      ok: false,
      list: ['•••', 1, null],
      inner: { text: 'no •••' }
    })
  })

  it('leaves nothing of a secret of eight or more characters, whatever it is', () => {
    const secrets = fc.string({ minLength: 8, maxLength: 80, unit: 'grapheme' })
    fc.assert(
      fc.property(secrets, fc.string(), fc.string(), (text, before, after) => {
        const secret = text.trim()
        fc.pre(secret.length >= 8 && /\P{L}/u.test(secret))
        for (const form of [
          secret,
          encodeURIComponent(secret),
          JSON.stringify(secret).slice(1, -1)
        ]) {
          const said = `${before}${form}${after}`
          assert.ok(!hide(said, secret).includes(form), form)
          assert.ok(new Redactor([secret]).holdsSecret(said), form)
        }
      }),
      { numRuns: 30 }
    )
  })

  it('tells whether a text holds a secret, which a JSON Web Token of somebody else is not', () => {
    const start = 'eyJhbGciOiJub25lIn0.'
    const redactor = new Redactor([start + 'ab1'.repeat(500), 'password', '+/+/+/+/'])
    for (const [text, holds] of [
      [`Bearer ${start}${'ab1'.repeat(500)}`, true],
      ['a password', true],
      ['passwords', false],
      ['x=%2B%2F+/+/+/', true],
      [`${start}cd2.`, false]
    ] as const) {
      assert.equal(redactor.holdsSecret(text), holds, text)
    }
  })

  it('takes linear time, whatever the text', () => {
    const redactor = new Redactor(['a'.repeat(16_000), 'ab'.repeat(30)])
    const start = performance.now()
    for (const text of ['a', 'ab', 'eyJ', `${'a'.repeat(59)}b`]) {
      redactor.hide(text.repeat(400_000 / text.length))
    }
    // A token server may issue such a token, and a receiver repeat it so.
    for (const [secret, text] of [
      ['%', '%25'],
      ['\\', '\\\\'],
      ['\\\\', '\\\\\\'],
      ['\\"', '\\\\"'],
      ['%25', '%2525'],
      ['&amp;', '&amp;amp;']
    ] as const) {
      new Redactor([`a1${secret.repeat(20)}b`]).hide(`a1${text.repeat(20)}c`.repeat(40))
    }
    assert.ok(performance.now() - start < 2000)
  })

  it('hides a secret that is long and has many characters for which other syntaxes have their own', () => {
    const start = performance.now()
    for (const characters of ['!~', '.a_b-', '+/=', '😀\u00e9']) {
      const secret = characters.repeat(100_000 / characters.length)
      const redactor = new Redactor([secret])
      for (const form of [
        secret,
        encodeURIComponent(secret),
        encodeURIComponent(secret).slice(0, 9000)
      ]) {
        assert.equal(redactor.hide(`x ${form} y`), 'x ••• y')
      }
    }
    const html = '&#43;a&#x2F;b&#61;'.repeat(2000)
    assert.equal(hide(`x ${html} y`, '+a/b='.repeat(2000)), 'x ••• y')
    assert.ok(performance.now() - start < 2000)
  })
})

describe('the secrets in a header', () => {
  const base64 = (text: string): string => Buffer.from(text, 'latin1').toString('base64')
  for (const [name, value, ...secrets] of [
    ['Authorization', `Basic ${base64('user:pa:ss')}`, base64('user:pa:ss'), 'user:pa:ss', 'pa:ss'],
    ['x-forwarded-auth', `BASIC  ${base64('u:p')} `, base64('u:p'), 'u:p', 'p'],
    ['authorization', `Basic ${base64('J\xfcrgen:x')}`, base64('J\xfcrgen:x'), 'Jürgen:x', 'x'],
    ['Proxy-Authorization', 'sso-key a1:b2', 'a1:b2'],
    ['X-Auth', 'Token 0123456789abcdef', '0123456789abcdef'],
    ['X-Auth', 'ApiKey 0123456789abcdef', '0123456789abcdef'],
    ['Authorization', 'Digest username="a", response="b"', 'username="a", response="b"'],
    // The whole value is one already.
    ['Authorization', '0123456789abcdef'],
    ['Authorization', 'Basic '],
    ['X-Facility', 'General Hospital']
  ] as const) {
    it(`${name}: ${value}`, () => {
      assert.deepEqual(secretsInHeader({ name, value }), secrets)
    })
  }
})
