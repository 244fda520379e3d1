import assert from 'node:assert/strict'
import {
  Certificate as Spkac,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  X509Certificate,
  type KeyObject
} from 'node:crypto'
import { before, describe, it } from 'node:test'
import { decodeProtectedHeader, jwtVerify } from 'jose'
import { checkSettings } from '../../src/oauth2/check-settings.ts'
import type { TokenSettings } from '../../src/oauth2/token-settings.ts'
import { createAuthority, type Certificate } from '../support/certificates.ts'
import { tokenTest } from '../support/token-test.ts'

const PASSPHRASE = 'open sesame'
const { privateKey: rsa, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const { privateKey: p384 } = generateKeyPairSync('ec', { namedCurve: 'P-384' })

type Form = 'pkcs1' | 'pkcs8' | 'sec1'
function pem(key: KeyObject, type: Form, encrypted = false): string {
  const cipher = encrypted ? { cipher: 'aes-256-cbc', passphrase: PASSPHRASE } : {}
  return key.export({ type, format: 'pem', ...cipher }) as string
}
const FORMS = {
  'PKCS#8': pem(rsa, 'pkcs8'),
  'PKCS#1': pem(rsa, 'pkcs1'),
  SEC1: pem(p384, 'sec1'),
  'encrypted PKCS#8': pem(rsa, 'pkcs8', true),
  'encrypted PKCS#1': pem(rsa, 'pkcs1', true),
  'encrypted SEC1': pem(p384, 'sec1', true)
}
const spki = publicKey.export({ type: 'spki', format: 'pem' }) as string

/** How a text arrives through a form, a variable or a YAML file. */
const SPOILT: Record<string, (text: string) => string> = {
  'as it is': (text) => text,
  'with Windows line breaks': (text) => text.replaceAll('\n', '\r\n'),
  'with \\n as two characters': (text) => text.replaceAll('\n', '\\n'),
  'with \\r\\n as four characters': (text) => text.replaceAll('\n', '\\r\\n'),
  'with spaces for line breaks': (text) => text.trim().replaceAll('\n', ' '),
  'without line breaks': (text) => text.replaceAll('\n', ''),
  'with blanks around it': (text) => ` \n${text} `,
  'in quotes': (text) => `"${text.trim()}"`,
  'in quotes, with \\n': (text) => `'${text.replaceAll('\n', '\\n')}'`,
  indented: (text) => text.replaceAll('\n', '\n\t  '),
  'with blank lines': (text) => text.replaceAll('\n', '\r\n\r\n'),
  'with trailing blanks': (text) => text.replaceAll('\n', '  \n'),
  'with text before it': (text) => `Bag Attributes: none\n${text}`,
  'with other keys after it': (text) => text + pem(p384, 'sec1') + text,
  'with a public key before it': (text) => spki + text,
  'behind the end of a key': (text) => `-----END PRIVATE KEY-----\n${text}`,
  'behind a key without an end': (text) => `-----BEGIN ENCRYPTED PRIVATE KEY-----\n${text}`
}

describe('Private key', () => {
  const test = tokenTest()

  /** Why nothing can be signed with this key; an empty text if it can. */
  function problem(privateKey: string, privateKeyPassphrase = '', signingAlg = ''): string {
    const given = { clientAuth: 'private_key_jwt', privateKey, privateKeyPassphrase } as const
    return checkSettings(test.settings({ ...given, signingAlg })).join(' ')
  }

  for (const [form, text] of Object.entries(FORMS)) {
    it(`may be ${form}, whatever its way here has done to its lines`, async () => {
      for (const [how, spoil] of Object.entries(SPOILT)) {
        // How it is encrypted stands on lines of its own.
        if (how === 'without line breaks' && text.includes('DEK-Info')) continue
        assert.equal(problem(spoil(text), PASSPHRASE), '', how)
      }
      // A passphrase that is not needed is ignored; this key is the one that signs.
      const settings = { privateKey: text, privateKeyPassphrase: PASSPHRASE }
      const { form: sent } = await test.sent(settings)
      const key = form.endsWith('SEC1') ? p384 : rsa
      await jwtVerify(sent.get('client_assertion') ?? '', createPublicKey(key))
    })
  }

  it('is read though something else in the process has left an error in the queue of OpenSSL', async () => {
    const spoil = (): unknown => Spkac.verifySpkac(Buffer.from('no SPKAC'))
    spoil()
    assert.throws(() => createPrivateKey(FORMS['PKCS#8']), { code: /^ERR_OSSL_/ })
    for (const [form, text] of Object.entries(FORMS)) {
      spoil()
      assert.equal(problem(text, PASSPHRASE), '', form)
    }
    spoil()
    assert.ok((await test.sent({ privateKey: FORMS['PKCS#8'] })).form.get('client_assertion'))
  })

  const upTo = (length: number): string =>
    FORMS['PKCS#8'] + spki.repeat(200).slice(0, length - FORMS['PKCS#8'].length)
  const pss = pem(generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey, 'pkcs8')
  const short = pem(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey, 'pkcs8')
  const x25519 = pem(generateKeyPairSync('x25519').privateKey, 'pkcs8')
  const k256 = pem(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey, 'pkcs8')
  for (const [what, text, words, phrase, algorithm] of [
    ['nothing', '', /^Private key: Paste the private key, or load it from a file\.$/],
    ['64 KiB, with all else in the file', upTo(65_536), /^$/],
    ['a character more', upTo(65_537), /^Private key: It is longer than 64 KiB/],
    ['no PEM', 'secret', /^Private key: It is not PEM/],
    ['a public key', spki, /^Private key: .* public key/],
    ['a beginning', '-----BEGIN PRIVATE KEY-----', /damaged/],
    ['without its end', FORMS['PKCS#8'].replace(/-----END.*/, ''), /damaged/],
    ['damaged', FORMS['PKCS#8'].replace(/\n.{60}/, '\nAAAA'), /damaged/],
    [
      'encrypted PKCS#8',
      FORMS['encrypted PKCS#8'],
      /^Passphrase: The private key is encrypted: enter its passphrase\.$/
    ],
    [
      'encrypted PKCS#1',
      FORMS['encrypted PKCS#1'],
      /^Passphrase: The private key is encrypted: enter its passphrase\.$/
    ],
    ['encrypted PKCS#8', FORMS['encrypted PKCS#8'], /passphrase is wrong/, 'wrong'],
    ['encrypted SEC1', FORMS['encrypted SEC1'], /passphrase is wrong/, 'wrong'],
    ['RSA', FORMS['PKCS#8'], /with RS256, RS384, RS512, PS256, PS384, PS512\.$/, '', 'ES256'],
    ['P-384', FORMS.SEC1, /^Algorithm: It does not fit.*with ES384\.$/, '', 'RS384'],
    ['short', short, /^Private key: It has 1024 bits\. An RSA key needs at least 2048/],
    ['secp256k1', k256, /^Private key: Only RSA, P-256/],
    ['X25519', x25519, /^Private key: Only RSA, P-256/],
    ['RSA-PSS', pss, /^Private key: .* RSA-PSS only .* cannot be used/],
    ['RSA-PSS', pss, /^Private key: .* RSA-PSS only .* cannot be used/, '', 'PS256']
  ] satisfies [string, string, RegExp, string?, string?][]) {
    it(`has a problem that is told: ${what}: ${words.source}`, () => {
      assert.match(problem(text, phrase, algorithm), words)
    })
  }
})

describe('a certificate beside the private key', () => {
  const test = tokenTest()
  let own: Certificate
  let other: Certificate
  let authority: string
  before(async () => {
    const created = await createAuthority()
    authority = created.ca
    own = await created.issueClient({ commonName: 'own' })
    other = await created.issueClient({ commonName: 'other' })
  })

  type Given = Partial<TokenSettings>
  async function thumbprint(privateKey: string, given: Given = {}): Promise<unknown> {
    const { form } = await test.sent({ privateKey, ...given })
    const assertion = form.get('assertion') ?? form.get('client_assertion') ?? ''
    return decodeProtectedHeader(assertion)['x5t#S256']
  }
  /** As `openssl x509 -fingerprint -sha256` has it, in another encoding. */
  const expected = (): string =>
    Buffer.from(new X509Certificate(own.cert).fingerprint256.replaceAll(':', ''), 'hex').toString(
      'base64url'
    )
  const damaged = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'

  for (const [where, text] of [
    ['before the key', () => own.cert + own.key],
    ['after the key', () => own.key + own.cert],
    ['among others', () => own.key + authority + other.cert + own.cert],
    ['behind a damaged one', () => own.key + damaged + own.cert]
  ] as const) {
    it(`is named in signed assertions, whatever its way here has done to its lines: ${where}`, async () => {
      const ways = ['as it is', 'with Windows line breaks', 'with \\n as two characters']
      for (const how of [...ways, 'with spaces for line breaks', 'without line breaks']) {
        assert.equal(await thumbprint(SPOILT[how]?.(text()) ?? ''), expected(), how)
      }
    })
  }

  it("is named in the grant's assertion too, and not in one that the secret signs", async () => {
    const both = own.key + own.cert
    const ofSecret: Given = { clientAuth: 'client_secret_jwt', clientSecret: 'x'.repeat(32) }
    assert.equal(await thumbprint(both, { grantType: 'jwt_bearer' }), expected())
    assert.equal(await thumbprint(both, ofSecret), undefined)
    assert.equal(await thumbprint(own.key), undefined)
  })

  it('must belong to the key', () => {
    for (const text of [other.cert, authority, damaged]) {
      const given = { clientAuth: 'private_key_jwt', privateKey: own.key + text } as const
      assert.equal(
        checkSettings(test.settings(given)).join(' '),
        'Private key: The certificate beside it is damaged or belongs to another key. Replace it, or leave it out.'
      )
    }
  })

  it('may stand alone where nothing is signed', async () => {
    await test.sent({ clientAuth: 'client_secret_post', privateKey: own.cert })
  })

  it('is found in a time that grows no faster than the text', () => {
    const begin = '-----BEGIN CERTIFICATE-----'
    const started = performance.now()
    for (const text of [begin.repeat(2300), begin + 'A'.repeat(60_000)]) {
      const given = { clientAuth: 'private_key_jwt', privateKey: own.key + text } as const
      assert.deepEqual(checkSettings(test.settings(given)), [])
    }
    assert.ok(performance.now() - started < 500)
  })
})
