import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { cleanText, oneLine, secretsOf } from '../../src/oauth2/secrets.ts'
import { tokenSettings } from '../support/token-settings.ts'

describe('cleanText', () => {
  it('keeps helpful text', () => {
    const text =
      'AADSTS7000215: Invalid client provided. Trace ID: 7f0c8f4e-4a5b-4c8e-9a77-0d9f0e6f1b00 at https://login.microsoftonline.com/tenant/oauth2/v2.0/token, unsupported_grant_type_for_client'
    assert.equal(cleanText(text, []), text)
  })

  it('hides secrets, parts of them, and anything that looks like a token', () => {
    const secret = 'correct horse battery staple'
    assert.equal(cleanText(`bad secret ${secret}!`, [secret]), 'bad secret •••!')
    assert.equal(cleanText('you sent correct horse batt', [secret]), 'you sent •••')
    assert.equal(cleanText('token eyJhbGciOiJub25lIn0.e30. is bad', []), 'token ••• is bad')
    assert.equal(cleanText('token 2YotnFZFEjr1zCsicMWpAA is bad', []), 'token ••• is bad')
    assert.equal(cleanText('secret is x1', ['x1']), 'secret is •••')
  })

  it('hides parts of at least six characters, and nothing for an empty secret', () => {
    assert.equal(cleanText('abcdef', ['xxabcdefxx']), '•••')
    assert.equal(cleanText('abcde', ['xxabcdefxx']), 'abcde')
    assert.equal(cleanText('-abcdef-cdefgh-', ['abcdefgh']), '-•••-•••-')
    assert.equal(cleanText('abcdefabcdef', ['abcdef']), '•••')
    assert.equal(cleanText('plain words', ['', 'zz']), 'plain words')
  })

  it('hides a secret in upper or lower case, and with fewer or other blanks', () => {
    const secret = 'Win\tter  2026 \nÄ'
    for (const echo of [secret, secret.toUpperCase(), secret.toLowerCase()]) {
      assert.equal(cleanText(`bad: [${echo.replace('ä', 'Ä')}]`, [secret]), 'bad: [•••]')
    }
    assert.equal(cleanText('bad: [ab  cd]', ['ab  cd']), 'bad: [•••]')
    assert.equal(cleanText('İSTANBUL secret', ['SECRET']), 'İSTANBUL •••')
    assert.equal(cleanText('plain words', [' \n ']), 'plain words')
  })

  it('hides a secret in base64, hexadecimal, HTML or XML', () => {
    const hidden = (secret: string, echo: string): string =>
      cleanText(`[${echo}]`, secretsOf(tokenSettings({ clientSecret: secret }), {}, undefined))
    const base64 = (text: string): string => Buffer.from(text).toString('base64')
    assert.equal(hidden('Winter2026', base64('Winter2026')), '[•••]')
    const hex = Buffer.from('Winter2026').toString('hex')
    assert.equal(hidden('Winter2026', `00${hex}00`), '[00•••00]')
    assert.equal(hidden('Winter2026', hex.toUpperCase()), '[•••]')
    for (const [before, shown] of [
      ['', ''],
      ['a', 'YV'],
      ['ab', 'YWJ'],
      ['abc', 'YWJj']
    ] as const) {
      assert.equal(hidden('Winter2026', base64(`${before}Winter2026`)), `[${shown}•••]`, before)
    }
    assert.equal(hidden('x', '4 of B4, 4'), '[4 of B4, 4]')
    const secret = 'a<&"b"c\'d>'
    for (const echo of [
      'a&lt;&amp;"b"c\'d&gt;',
      "a&lt;&amp;&quot;b&quot;c'd&gt;",
      'a&lt;&amp;&quot;b&quot;c&apos;d&gt;',
      'a&lt;&amp;&quot;b&quot;c&#39;d&gt;',
      'a&lt;&amp;&quot;b&quot;c&#039;d&gt;',
      'a&lt;&amp;&quot;b&quot;c&#x27;d&gt;',
      'a&lt;&amp;&#34;b&#34;c&#39;d&gt;',
      'a&#60;&#38;&#34;b&#34;c&#39;d&#62;',
      'a&#x3C;&#x26;&#x22;b&#x22;c&#x27;d&#x3E;'
    ]) {
      assert.equal(hidden(secret, echo), '[•••]', echo)
    }
    assert.equal(
      cleanText('&AMP;&#38;&#x26;&amp;amp; &#010;&#x0A;& &unknown; &#x2; &#1;', []),
      '&&&&amp; & &unknown; &#x2; &#1;'
    )
    assert.equal(hidden('"ab\'c', "&quot;ab'c"), '[•••]')
    assert.equal(hidden('<"', '&lt;&#34;'), '[•••]')
    assert.equal(hidden('<"b', '&lt;"b'), '[•••]')
  })

  it('scans a secret once, however many near matches the text has', () => {
    const secret = 'a'.repeat(1_000_000)
    const time = (text: string): number =>
      Math.min(
        ...Array.from({ length: 3 }, () => {
          const start = performance.now()
          assert.equal(cleanText(text, [secret]), text)
          return performance.now() - start
        })
      )
    // Scanned once for each part of the text, it would take thirty times as long.
    const [short, long] = [time('aaaaab'), time('aaaaab '.repeat(40).trim())]
    assert.ok(long < 6 * short, `${short} ms and ${long} ms`)
  })

  it('tells words, URLs and numbers from tokens', () => {
    const uuid = '7f0c8f4e-4a5b-4c8e-9a77-0d9f0e6f1b00'
    for (const text of [
      uuid,
      uuid.toUpperCase(),
      `${uuid}.`,
      `/${uuid}/oauth2/v2.0/token`,
      'microsoftonline.oauth2.AADSTS90002',
      'one/two_three-four.five',
      'a'.repeat(19),
      `${'a'.repeat(19)}.${'a'.repeat(19)}`,
      `${'a'.repeat(10)}1.${'A'.repeat(10)}1`,
      'Mixed.Case.Without.Digits',
      'Zx81QLvic20Plus4Ata',
      'eyJabcd'
    ]) {
      assert.equal(cleanText(text, []), text)
    }
    for (const text of [
      `${uuid}0`,
      `0${uuid}`,
      `x${uuid}`,
      `${uuid.slice(0, -1)}g`,
      uuid.replace('7f0c8f4e', '7f0c8f4E4a5b1'),
      'a'.repeat(20),
      `words.${'a'.repeat(20)}`,
      `words.here.${'a'.repeat(11)}1`,
      'words.here.and.there.aB1',
      'Zx81QLvic20Plus4Atar',
      'eyJabcde',
      'eyJhbGciOiJub25lIn0.e30.x_-y',
      'abcdefghijkl+=~!3456789'
    ]) {
      assert.equal(cleanText(text, []), '•••', text)
    }
  })

  it('reads a thousand characters, and shortens text longer than three hundred', () => {
    const words = (length: number): string => 'word '.repeat(length).slice(0, length - 1) + '.'
    assert.equal(cleanText(words(300), []), words(300))
    assert.equal(cleanText(words(301), []), `${words(301).slice(0, 299)}…`)
    assert.equal(cleanText(`${' '.repeat(999)}ab`, []), 'a')
    assert.equal(cleanText('\n a  b   c \t', []), 'a b c')
  })

  it('returns one printable line of at most 300 characters', () => {
    assert.equal(cleanText('a\r\nb\u0000\u202Ec\u2028d', []), 'a b c d')
    assert.equal(cleanText('word '.repeat(1000), []).length, 300)
  })

  it('never shows a secret, wherever it is', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 4, maxLength: 40 }),
        fc.string(),
        fc.string(),
        (secret, before, after) => {
          fc.pre(secret.trim() === secret && !secret.includes('  ') && !isMark(secret))
          assert.ok(!cleanText(`${before}${secret}${after}`, [secret]).includes(secret))
        }
      )
    )
  })
})

/** Whether a "secret" consists only of the marks for hidden or shortened text. */
function isMark(secret: string): boolean {
  return /^[•…]+$/.test(secret)
}

describe('oneLine', () => {
  it('keeps words, but no line breaks, direction marks or endless text', () => {
    assert.equal(
      oneLine(' https://x.example/2YotnFZFEjr1zCsicMWpAA '),
      'https://x.example/2YotnFZFEjr1zCsicMWpAA'
    )
    assert.equal(oneLine('a\r\nb\u2028c\u202ed\u0000\u001b[31m'), 'a b c d [31m')
    assert.equal(oneLine('a'.repeat(1000)), 'a'.repeat(1000))
    assert.equal(oneLine('a'.repeat(1001)), `${'a'.repeat(1000)}…`)
  })
})
