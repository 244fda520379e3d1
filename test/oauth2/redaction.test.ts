import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import { checkSettings } from '../../src/oauth2/check-settings.ts'
import { testToken } from '../../src/oauth2/token-test.ts'
import { TokenError } from '../../src/oauth2/token-error.ts'
import type { TokenSettings } from '../../src/oauth2/token-settings.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { json, text, type Fault, type SeenRequest } from '../support/token-fault-server.ts'
import { RECEIVER, claim, named } from '../support/token-settings.ts'
import { tokenTest } from '../support/token-test.ts'

type Given = Partial<TokenSettings>

const TOKEN = 'Zx81QLvic20Plus4Atari800'
const CLIENT_SECRET = 'Pa$$ wörd+/=&%27"<secret>'
const PASSWORD = 'user-Passw0rd-9000'
const PARAMETER = 'tenant-key-4711'
const CLAIM = 'claim-of-4712'
const HEADER = 'Gateway+Key=0815'
const PASSPHRASE = 'open sesame 2000'
const PEM = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
  ...{ type: 'pkcs8', format: 'pem' },
  ...{ cipher: 'aes-256-cbc', passphrase: PASSPHRASE }
}) as string

/** The assertion in a request, whatever it is for. */
const assertionIn = ({ form }: SeenRequest): string =>
  form.get('client_assertion') ?? form.get('assertion') ?? ''

/** Everything that the client sent, as a careless server might repeat it. */
function echo(request: SeenRequest): string {
  const { headers, form } = request
  const basic = (headers.authorization ?? '').replace('Basic ', '')
  const decoded = Buffer.from(basic, 'base64').toString()
  const claims = Buffer.from(assertionIn(request).split('.')[1] ?? '', 'base64url').toString()
  const values = [...form].map(([name, value]) => `${name}=${value}`).join(' ')
  return `${claims.slice(-60)} ${String(headers['x-gateway'])} ${values} ${form.toString()} ${basic} ${decoded}`
}

/** A server that repeats the request, somewhere. */
const echoing =
  (answer: (said: string, request: SeenRequest) => Fault): Fault =>
  (request, response) => {
    answer(echo(request), request)(request, response)
  }
const inUrl = (said: string): string => encodeURIComponent(said).slice(0, 4000)

describe('nothing shows a secret', () => {
  const test = tokenTest()
  const everything: Given = {
    clientSecret: CLIENT_SECRET,
    username: 'interface',
    password: PASSWORD,
    privateKey: PEM,
    privateKeyPassphrase: PASSPHRASE,
    extraParams: [named('key', PARAMETER)],
    headers: [named('X-Gateway', HEADER)],
    assertionClaims: [claim('tenant', CLAIM)],
    secrets: [PARAMETER, HEADER, CLAIM]
  }

  function assertSilent(value: unknown): void {
    const seen = test.server.seen.at(-1)
    const [, payload = '', signature = ''] = (seen && assertionIn(seen).split('.')) ?? []
    const forbidden = [
      ...[TOKEN, CLIENT_SECRET, encodeURIComponent(CLIENT_SECRET), PASSWORD, PARAMETER],
      ...[HEADER, CLAIM, PASSPHRASE, ...PEM.split('\n').slice(1, -2)],
      (seen?.headers.authorization ?? '').replace('Basic ', '').slice(0, 16),
      ...[payload.slice(0, 20), signature.slice(0, 20)]
    ].filter((one) => one !== '')
    const shown = [inspect(value, { depth: Infinity, showHidden: true, getters: true })]
    shown.push(JSON.stringify(value), String(value))
    if (value instanceof Error) {
      assert.equal(value.cause, undefined)
      shown.push(value.stack ?? '', JSON.stringify(value, Object.getOwnPropertyNames(value)))
    }
    for (const one of forbidden) assert.ok(!shown.join('\n').includes(one), `${one} in ${shown[0]}`)
  }

  /** Of an error, of what is shown of the node's tokens, and of the Test button. */
  async function assertAllSilent(answer: Fault, given: Given): Promise<void> {
    test.server.answer = answer
    const warnings: string[] = []
    const more = { onWarning: (warning: string) => warnings.push(warning) }
    const source = test.source({ ...everything, ...given }, more)
    for (const again of [1, 2]) {
      const error: unknown = await source
        .forReceiver(RECEIVER)
        .token()
        .catch((reason: unknown) => reason)
      assert.ok(error instanceof TokenError, `${again}`)
      assert.notEqual(error.hint, '')
      assertSilent(error)
    }
    assertSilent(warnings)
    assertSilent(source.forReceiver(RECEIVER).status)
    const settings = test.settings({ ...everything, ...given })
    const result = await testToken(settings, test.httpClient)
    assert.equal(result.ok, false)
    assertSilent(result)
  }

  const methods: [string, Given][] = [
    ['Basic', { clientAuth: 'client_secret_basic' }],
    ['raw Basic', { clientAuth: 'client_secret_basic_raw' }],
    ['Post', { clientAuth: 'client_secret_post' }],
    ['a JWT of the secret', { clientAuth: 'client_secret_jwt' }],
    ['a JWT of the key', { clientAuth: 'private_key_jwt' }],
    ['a user', { clientAuth: 'client_secret_post', grantType: 'password' }],
    ['a service account', { clientAuth: 'client_secret_basic', grantType: 'jwt_bearer' }]
  ]
  for (const [method, given] of methods) {
    for (const [where, answer] of [
      ['the description', (said) => json({ error: 'x', error_description: said }, 401)],
      ['the code', (said, { form }) => json({ error: form.get('client_secret') ?? said }, 400)],
      [
        'the challenge',
        (said) => json({}, 401, { 'www-authenticate': `x error="${inUrl(said)}"` })
      ],
      ['the path of a redirect', (said) => json({}, 302, { location: `/${inUrl(said)}` })]
    ] satisfies [string, (said: string, request: SeenRequest) => Fault][]) {
      it(`that a server repeats in ${where}: ${method}`, () =>
        assertAllSilent(echoing(answer), given))
    }
  }

  const tokenAnd = (more: object): Fault => json({ access_token: TOKEN, ...more })
  for (const [what, answer] of [
    ['a code that is a secret', json({ error: PARAMETER }, 400)],
    ['a redirect with a query', echoing((said) => json({}, 302, { location: `/?${inUrl(said)}` }))],
    ['a redirect with a log-in', json({}, 302, { location: `https://${TOKEN}@x.example/` })],
    ['a page of an error', echoing((said) => text(`<html>${said}`, 'text/html', 500))],
    ['a page', echoing((said) => text(`<html>${said}`, 'text/html'))],
    ['a token of another type', tokenAnd({ token_type: 'DPoP' })],
    ['a token with a space', tokenAnd({ access_token: `${TOKEN} ` })],
    ['broken JSON', text(`{"access_token":"${TOKEN}`, 'text/plain')],
    ['too much', tokenAnd({ padding: 'x'.repeat(2_000_000) })],
    ['a wrong encoding', text(TOKEN, 'text/plain', 200, { 'content-encoding': 'gzip' })],
    [
      'an answer that is cut',
      (_request, response) => {
        response.writeHead(200, { 'content-length': '500' })
        response.write(`{"access_token":"${TOKEN}"`, () => response.destroy())
      }
    ]
  ] satisfies [string, Fault][]) {
    it(`that a server sends or repeats: ${what}`, () =>
      assertAllSilent(answer, { clientAuth: 'client_secret_post' }))
  }

  for (const [what, address, answer] of [
    [
      'a refusal',
      '/.well-known/openid-configuration',
      ({ url }) => json({ error: 'x', error_description: `No: ${url}` }, 403)
    ],
    ['another issuer', '/', ({ url }) => json({ issuer: `https://login.example${url}` })]
  ] satisfies [string, string, (request: SeenRequest) => Fault][]) {
    it(`that is in the address of the metadata, which a server repeats: ${what}`, () => {
      const issuer = `${test.server.origin}${address}?key=${PARAMETER}`
      const secret: Given = { clientAuth: 'client_secret_post', issuer, tokenEndpoint: '' }
      return assertAllSilent((request, response) => {
        answer(request)(request, response)
      }, secret)
    })
  }

  for (const expires_in of [300, 0]) {
    it(`of a token that it has issued before, and names in a refusal: valid for ${expires_in} s`, async () => {
      const clock = new FakeClock()
      const source = test.source(everything, { clock })
      test.server.answer = json({ access_token: TOKEN, expires_in })
      await source.forReceiver(RECEIVER).token()
      clock.pass(300_000)
      const words = `There is already an active token: ${TOKEN}`
      test.server.answer = json({ error: 'invalid_request', error_description: words }, 400)
      const asked = source.forReceiver(RECEIVER).token()
      const error: unknown = await asked.catch((reason: unknown) => reason)
      assert.match(String((error as TokenError).description), /^There is already/)
      assertSilent(error)
      assertSilent(source.forReceiver(RECEIVER).status)
    })
  }

  it('of a token that is granted, or that the HL7 server refuses', async () => {
    test.server.answer = json({ access_token: TOKEN, token_type: 'Bearer' })
    assertSilent(await testToken(test.settings(everything), test.httpClient))
    test.server.answer = json({ access_token: TOKEN, scope: `hl7 ${TOKEN}` })
    assertSilent(await testToken(test.settings(everything), test.httpClient))
    const source = test.source(everything)
    const token = await source.forReceiver(RECEIVER).token()
    assertSilent(
      await source
        .forReceiver(RECEIVER)
        .refused(token, { host: 'receiver.example', status: 401 })
        .catch((error: unknown) => error)
    )
    assertSilent(source)
    assertSilent(source.forReceiver(RECEIVER))
  })

  for (const [what, given] of [
    ['a wrong passphrase', { privateKeyPassphrase: 'wrong sesame' }],
    ['a damaged key', { privateKey: PEM.slice(0, 200), clientAuth: 'private_key_jwt' }],
    ['a secret as key', { privateKey: CLIENT_SECRET, clientAuth: 'private_key_jwt' }],
    ['a wrong algorithm', { signingAlg: PARAMETER }],
    ['a log-in in the URL', { tokenEndpoint: `https://user:${PASSWORD}@token.example/` }],
    ['a query of the URL', { tokenEndpoint: `http://token.example/?${PASSWORD}` }]
  ] satisfies [string, Given][]) {
    it(`of settings that cannot work: ${what}`, () => {
      const problems = checkSettings(test.settings({ ...everything, ...given }))
      assert.equal(problems.length, 1)
      assertSilent(problems)
    })
  }
})

/** A sentence as Microsoft Entra ID ends it, and Spring's, with ids that support asks for. */
const SENTENCE =
  'Invalid client secret provided for this client. Trace ID: 7f0c8f4e-4a5b-4c8e-9a77-0d9f0e6f1b00, traceparent 0af7651916cd43dd8448eb211c80319c'

describe('what a token server says is quoted', () => {
  const test = tokenTest()
  const described = async (given: Given, says: (request: SeenRequest) => string) =>
    (
      await test.failure((request, response) => {
        json({ error_description: says(request) }, 401)(request, response)
      }, given)
    ).description

  for (const clientSecret of ['x', '42', '§1!', 'correct horse battery', 'Pa$$ wörd+/=&"<>']) {
    it(`word for word, but without the secret ${clientSecret}`, async () => {
      const says = ({ form, headers }: SeenRequest): string =>
        `Bad: ${clientSecret}; form ${form.get('client_secret') ?? '-'}; header ${headers.authorization ?? '-'}`
      const post: Given = { clientSecret, clientAuth: 'client_secret_post' }
      const basic: Given = { clientSecret, clientAuth: 'client_secret_basic' }
      assert.equal(await described(post, () => SENTENCE), SENTENCE)
      assert.equal(await described(post, says), 'Bad: •••; form •••; header -')
      assert.equal(await described(basic, says), 'Bad: •••; form -; header Basic •••')
    })
  }

  it('without the assertion, whatever its header looks like', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'redaction-'))
    t.after(() => rm(folder, { recursive: true }))
    const part = (words: string): string => Buffer.from(words).toString('base64url')
    // Not "eyJ…": the header is written with line ends.
    const assertion = `${part('{\n  "alg": "RS256"\n}')}.${part('{"sub":"pod"}')}.c2lnbmF0dXJl`
    const assertionFile = join(folder, 'token')
    await writeFile(assertionFile, assertion)
    const given: Given = { clientAuth: 'client_assertion_file', assertionFile }
    assert.equal(await described(given, (request) => `no ${assertionIn(request)}`), 'no •••')
  })

  it('without an assertion that is no JWT, such as one in SAML', async () => {
    const assertion = Buffer.from('<Assertion ID="a1">').toString('base64url')
    for (const name of ['assertion', 'client_assertion']) {
      const given: Given = { extraParams: [{ name, value: assertion }] }
      const words = await described(given, ({ form }) => `no ${form.get(name) ?? ''}`)
      assert.equal(words, 'no •••')
    }
  })

  it('on one line, shortened: no part of a secret is left where it is cut', async () => {
    const given = { clientSecret: 'Winter-2026-in-Uppsala' }
    const words = await described(given, () => `a\r\nb${'x'.repeat(286)} ${given.clientSecret} c`)
    assert.equal(words, `a b${'x'.repeat(286)} ••• c`)
    const long = await described(given, () => `a\r\nb ${given.clientSecret} ${'x'.repeat(500)}`)
    assert.equal(long, `a b ••• ${'x'.repeat(291)}…`)
  })
})
