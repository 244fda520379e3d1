import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { describe, it } from 'node:test'
import { readPrivateKey, signingAlgorithm } from '../../src/oauth2/signing-key.ts'

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
const passphrase = 'open sesame'

function pem(key: KeyObject, type: 'pkcs1' | 'pkcs8' | 'sec1', encrypted = false): string {
  const cipher = encrypted ? { cipher: 'aes-256-cbc', passphrase } : {}
  return key.export({ type, format: 'pem', ...cipher }) as string
}

const spki = rsa.publicKey.export({ type: 'spki', format: 'pem' }) as string

function problem(text: string, phrase = ''): string {
  const key = readPrivateKey(text, phrase)
  return typeof key === 'string' ? key : 'none'
}

describe('readPrivateKey', () => {
  for (const [form, text, phrase] of [
    ['PKCS#8', pem(rsa.privateKey, 'pkcs8'), ''],
    ['PKCS#1', pem(rsa.privateKey, 'pkcs1'), ''],
    ['SEC1', pem(p384.privateKey, 'sec1'), ''],
    ['encrypted PKCS#8', pem(rsa.privateKey, 'pkcs8', true), passphrase],
    ['encrypted PKCS#1', pem(rsa.privateKey, 'pkcs1', true), passphrase],
    ['encrypted SEC1', pem(p384.privateKey, 'sec1', true), passphrase],
    ['Windows line breaks', pem(rsa.privateKey, 'pkcs8').replaceAll('\n', '\r\n'), ''],
    ['\\n as two characters', pem(rsa.privateKey, 'pkcs8').replaceAll('\n', '\\n'), ''],
    ['spaces for line breaks', pem(rsa.privateKey, 'pkcs8').replaceAll('\n', ' '), ''],
    ['surrounding blanks', ` \n${pem(rsa.privateKey, 'pkcs8')} `, ''],
    ['nothing for line breaks', pem(rsa.privateKey, 'pkcs8').replaceAll('\n', ''), ''],
    ['a passphrase that is not needed', pem(rsa.privateKey, 'pkcs8'), passphrase],
    ...[
      ['\\r\\n as four characters', (text: string) => text.replaceAll('\n', '\\r\\n')],
      ['spaces', (text: string) => text.trim().replaceAll('\n', ' ')],
      ['quotes around it', (text: string) => `"${text.trim()}"`],
      ['quotes around it and \\n', (text: string) => `'${text.replaceAll('\n', '\\n')}'`],
      ['indents', (text: string) => text.replaceAll('\n', '\n\t  ')],
      ['blank lines', (text: string) => text.replaceAll('\n', '\r\n\r\n')],
      ['trailing blanks', (text: string) => text.replaceAll('\n', '  \n')],
      ['other keys after it', (text: string) => text + pem(p384.privateKey, 'sec1') + text],
      ['a public key before it', (text: string) => spki + text]
    ].flatMap(([how, change]) =>
      (
        [
          ['PKCS#8', pem(rsa.privateKey, 'pkcs8'), ''],
          ['encrypted PKCS#8', pem(rsa.privateKey, 'pkcs8', true), passphrase],
          ['encrypted PKCS#1', pem(rsa.privateKey, 'pkcs1', true), passphrase],
          ['encrypted SEC1', pem(p384.privateKey, 'sec1', true), passphrase]
        ] as const
      ).map(
        ([form, text, phrase]) =>
          [
            `${form} with ${how as string}`,
            (change as (text: string) => string)(text),
            phrase
          ] as const
      )
    ),
    ['text before it', `Bag Attributes: none\n${pem(rsa.privateKey, 'pkcs8')}`, '']
  ] as const) {
    it(`reads ${form}`, () => {
      assert.equal(problem(text, phrase), 'none')
    })
  }

  it('says what is wrong', () => {
    const encrypted = pem(rsa.privateKey, 'pkcs8', true)
    assert.match(problem(encrypted), /Fill in Passphrase/)
    assert.match(problem(pem(rsa.privateKey, 'pkcs1', true)), /Fill in Passphrase/)
    assert.match(problem(encrypted, 'wrong'), /passphrase is wrong/)
    assert.match(problem(pem(p384.privateKey, 'sec1', true), 'wrong'), /passphrase is wrong/)
    assert.match(problem('-----BEGIN PRIVATE KEY-----'), /damaged/)
    assert.match(problem('secret'), /not PEM/)
    assert.match(problem(spki), /public key/)
    assert.match(problem(pem(rsa.privateKey, 'pkcs8').replace(/\n.{60}/, '\nAAAA')), /damaged/)
  })
})

describe('the text of a private key', () => {
  const key = pem(rsa.privateKey, 'pkcs8')

  it('is read up to 64 KiB, with everything else in the file, and refused above that', () => {
    const file = (length: number): string => key + spki.repeat(200).slice(0, length - key.length)
    assert.equal(problem(file(65_536)), 'none')
    assert.match(problem(file(65_537)), /^Private key: longer than 64 KiB/)
    assert.match(problem('-----BEGIN PRIVATE KEY-----\n'.repeat(40_000)), /longer than 64 KiB/)
  })

  it('is the first block with matching BEGIN and END', () => {
    const begun = key.replace(/-----END.*/, '')
    const encrypted = '-----BEGIN ENCRYPTED PRIVATE KEY-----\n'
    assert.equal(problem(encrypted + key), 'none')
    assert.equal(problem(`-----END PRIVATE KEY-----\n${key}`), 'none')
    assert.match(problem(begun), /damaged/)
  })
})

describe('signingAlgorithm', () => {
  const names = (key: KeyObject, wanted: string, supported?: string[]): string => {
    const found = signingAlgorithm(key, wanted, supported)
    return typeof found === 'string' ? found : found.alg
  }

  it('depends on the key, the server and the form', () => {
    assert.equal(names(rsa.privateKey, ''), 'RS256')
    assert.equal(names(rsa.privateKey, '', ['ES384', 'RS384']), 'RS384')
    assert.equal(names(rsa.privateKey, '', ['ES384']), 'RS256')
    assert.equal(names(rsa.privateKey, 'PS512', ['RS384']), 'PS512')
    assert.equal(names(p384.privateKey, ''), 'ES384')
    assert.equal(names(generateKeyPairSync('ed25519').privateKey, ''), 'EdDSA')
  })

  it('is imported with the parameters that Web Crypto requires', () => {
    const of = (key: KeyObject, wanted: string): unknown => signingAlgorithm(key, wanted)
    for (const bits of ['256', '384', '512']) {
      assert.deepEqual(of(rsa.privateKey, `RS${bits}`), {
        alg: `RS${bits}`,
        importParams: { name: 'RSASSA-PKCS1-v1_5', hash: `SHA-${bits}` }
      })
      assert.deepEqual(of(rsa.privateKey, `PS${bits}`), {
        alg: `PS${bits}`,
        importParams: { name: 'RSA-PSS', hash: `SHA-${bits}` }
      })
    }
    for (const [namedCurve, alg] of [
      ['P-256', 'ES256'],
      ['P-384', 'ES384'],
      ['P-521', 'ES512']
    ] as const) {
      const { privateKey } = generateKeyPairSync('ec', { namedCurve })
      assert.deepEqual(of(privateKey, ''), { alg, importParams: { name: 'ECDSA', namedCurve } })
    }
    const { privateKey } = generateKeyPairSync('ed25519')
    for (const alg of ['EdDSA', 'Ed25519']) {
      assert.deepEqual(of(privateKey, alg), { alg, importParams: { name: 'Ed25519' } })
    }
  })

  it('says which algorithms the key supports instead', () => {
    assert.equal(
      names(rsa.privateKey, 'x'.repeat(21)),
      'Algorithm: it does not fit this private key, which can sign with RS256, RS384, RS512, PS256, PS384, PS512.'
    )
    assert.match(names(p384.privateKey, 'RS384'), /does not fit.*with ES384\./)
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'secp256k1' })
    assert.match(names(privateKey, ''), /only RSA/)
    for (const wanted of ['', 'PS256']) {
      const pss = generateKeyPairSync('rsa-pss', { modulusLength: 2048 })
      assert.match(names(pss.privateKey, wanted), /RSA-PSS only.*cannot be used/)
    }
    assert.match(names(generateKeyPairSync('x25519').privateKey, ''), /only RSA/)
  })
})
