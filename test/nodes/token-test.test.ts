import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { after, before, beforeEach, describe, it } from 'node:test'
import { decodeJwt } from 'jose'
import { startHl7Receiver } from '../../demo/hl7-receiver.ts'
import { as, type User } from '../support/admin-users.ts'
import { selfSignedCertificate } from '../support/certificates.ts'
import { VARIABLES } from '../support/node-red.ts'
import {
  json,
  startTokenFaultServer,
  type TokenFaultServer
} from '../support/token-fault-server.ts'
import { adt, CLIENT_ID, CLIENT_SECRET, startWorld, type World } from '../support/world.ts'

type Form = Record<string, unknown>
type Answer = Record<string, unknown>

const { TEST_SECRET } = VARIABLES
const TYPED = { clientId: CLIENT_ID, clientSecret: CLIENT_SECRET }
/** What the form sends for a secret that was deployed, and that it never gets. */
const STORED = { clientId: CLIENT_ID, clientSecret: '__PWRD__' }
const KEY_OF_GATEWAY = 'key-of-the-gateway'
const TOKEN = json({ access_token: 'opaque-token-0815', token_type: 'Bearer', expires_in: 300 })
const privateKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
  type: 'pkcs8',
  format: 'pem'
})

describe('the Test button of the OAuth 2.0 node', () => {
  let world: World
  let server: TokenFaultServer
  before(async () => {
    world = await startWorld({ users: true })
    server = await startTokenFaultServer(TOKEN)
  })
  after(async () => {
    await world.close()
    await server.close()
  })
  beforeEach(async () => {
    server.answer = TOKEN
    await world.nodeRed.deploy(flow())
    // The deployed node has its token, and the one before it asks for none any more.
    await world.eventually(async () => (await world.state()).token?.state === 'ok')
    server.seen.length = 0
  })

  /** What is deployed, and what a form has unless a test changes it. */
  const settings = (): Form => ({
    ...{ tokenEndpoint: `${server.origin}/token`, issuer: '', scope: 'hl7:write', tls: 'tls' },
    ...{ clientAuth: 'client_secret_post', extraParams: [{ name: 'a', value: 'b' }] }
  })
  /** With variables for the whole Node-RED. */
  const flow = () => [
    ...world.flow({ credentials: { secret1: KEY_OF_GATEWAY } }, settings()),
    {
      ...{ id: 'global', type: 'global-config', name: '', modules: {} },
      env: Object.entries({
        TOKEN_URL: `${server.origin}/token`,
        TOKEN_URL_WITH_KEY: `${server.origin}/refusing?key=0815`,
        ALGORITHM: 'ES256-of-a-variable',
        CLIENT: 'the-client'
      }).map(([name, value]) => ({ name, value, type: 'str' }))
    }
  ]

  /** Tests a form. What is shown has no secret, token or variable in it. */
  async function test(changed: Form = {}, id = 'auth', user: User = 'author'): Promise<Answer> {
    const { status, text, body } = await as(
      world.nodeRed,
      user,
      `/oauth2-client-credentials/${id}/test`,
      { ...settings(), credentials: STORED, ...changed }
    )
    assert.equal(status, 200)
    for (const secret of [
      ...[CLIENT_SECRET, KEY_OF_GATEWAY, TEST_SECRET, 'wrong-1-2-3'],
      ...['eyJ', 'opaque-token', 'ES256-of-a-variable']
    ]) {
      assert.ok(!text.includes(secret), `${secret} is in ${text}`)
    }
    return body as Answer
  }

  it('shows everything about a token except the token itself', async () => {
    const { elapsedMs, ...answer } = await test({
      ...{ tokenEndpoint: '', issuer: world.tokens.issuer, clientAuth: '', extraParams: [] }
    })
    assert.ok(Number(elapsedMs) >= 0)
    assert.deepEqual(answer, {
      ...{ ok: true, tokenEndpoint: `${world.tokens.issuer}/token`, tokenType: 'Bearer' },
      ...{ clientAuth: 'client_secret_post', expiresIn: 300, scope: 'hl7:write' }
    })
  })

  it('uses the stored secret of this node, or the one that was typed', async () => {
    assert.equal((await test())['ok'], true)
    assert.equal(server.seen[0]?.form.get('client_secret'), CLIENT_SECRET)
    assert.equal((await test({ credentials: TYPED }, 'new'))['ok'], true)
    // The sending node has a secret of the same name.
    const form = {
      extraParams: [{ name: 'key', value: 'secret1', valueType: 'cred' }],
      credentials: { ...TYPED, secret1: '__PWRD__' }
    }
    for (const id of ['new', 'out', '__proto__']) {
      assert.equal((await test({}, id))['code'], 'CONFIG')
      assert.match(
        String((await test(form, id))['description']),
        /Extra parameters, key: The secret is empty/
      )
    }
  })

  it('sends the headers and parameters of the form, those from secrets and variables too', async () => {
    await test({
      headers: [
        { name: 'X-Api-Key', value: 'secret1', valueType: 'cred' },
        { name: 'x-site', value: 'north' }
      ],
      extraParams: [
        { name: 'a', value: 'TEST_SECRET', valueType: 'env' },
        { name: 'b', value: '${TEST_SECRET}', valueType: 'env' }
      ],
      credentials: { ...STORED, secret1: KEY_OF_GATEWAY }
    })
    const { headers, form } = server.seen[0] ?? {}
    assert.deepEqual([headers?.['x-api-key'], headers?.['x-site']], [KEY_OF_GATEWAY, 'north'])
    assert.deepEqual([form?.get('a'), form?.get('b')], [TEST_SECRET, TEST_SECRET])
  })

  it('signs with the claims of the form, JSON values among them', async () => {
    const form = (value: string): Form => ({
      clientAuth: 'client_secret_jwt',
      assertionClaims: [
        { name: 'plain', value: '7' },
        { name: 'extensions', value, valueType: 'json' }
      ]
    })
    assert.equal((await test(form('{"a": [7]}')))['ok'], true)
    const { plain, extensions } = decodeJwt(server.seen[0]?.form.get('client_assertion') ?? '')
    assert.deepEqual([plain, extensions], ['7', { a: [7] }])
    const { description } = await test(form('{a: 7}'))
    assert.equal(
      description,
      'Assertion claims, extensions: This is not JSON, such as 7, true or {"a": "b"}.'
    )
  })

  const refusal = (error_description: string, status = 400) =>
    json({ error: 'invalid_request', error_description }, status)
  it('hides the token of the deployed node, which a server may name', async () => {
    await world.nodeRed.inject('in', { payload: adt('HASTOKEN') })
    await world.eventually(() => world.receiver.requests.length > 0)
    server.answer = refusal('There is an active token: opaque-token-0815')
    assert.equal((await test())['description'], 'There is an active token: •••')
  })

  it('shows what a server says about what is in the flow file, and hides secrets in it', async () => {
    const said = 'Application north expects application/json from hospital-seven.'
    server.answer = refusal(said)
    const form = {
      clientAuth: 'client_secret_jwt',
      headers: [{ name: 'Accept', value: 'application/json', valueType: 'str' }],
      extraParams: [{ name: 'org', value: 'hospital-seven' }],
      assertionClaims: [{ name: 'site', value: 'Application north' }]
    }
    assert.equal((await test(form))['description'], said)
    server.answer = ({ headers }, response) => {
      refusal(`${String(headers['x-api-key'])}!`, 403)({} as never, response)
    }
    const { description } = await test({
      headers: [{ name: 'X-Api-Key', value: 'secret1', valueType: 'cred' }],
      credentials: { ...STORED, secret1: KEY_OF_GATEWAY }
    })
    assert.equal(description, '•••!')
  })

  it('leaves our own sentences alone, whatever the secret is', async () => {
    server.answer = refusal('right?', 401)
    const { description, hint } = await test({
      clientAuth: 'client_secret_basic',
      credentials: { clientId: 'the-client', clientSecret: 'right' }
    })
    assert.equal(description, '•••?')
    assert.match(String(hint), /parameter is missing or wrong|If they are right/)
    server.answer = json({ error: 'invalid_client' }, 401)
    const other = await test({
      clientAuth: 'client_secret_basic',
      credentials: { clientId: 'the-client', clientSecret: 'right' }
    })
    assert.match(String(other['hint']), /If they are right, try/)
  })

  /** What is in the form → what is shown instead of the value of a variable. */
  const hidden: [form: Form, shown: RegExp][] = [
    [{ tokenEndpoint: '${TOKEN_URL}' }, /"tokenEndpoint":"•••"/],
    [{ scope: '${TEST_SECRET}' }, /"scope":"•••"/],
    [{ grantType: '${ALGORITHM}' }, /Grant: This must be one of/],
    [
      { signingAlg: '${ALGORITHM}', clientAuth: 'private_key_jwt' },
      /Algorithm: This must be one of: RS256, /
    ],
    [
      { extraParams: [{ name: '${ALGORITHM}', value: 'NONE', valueType: 'env' }] },
      /Extra parameters, \$\{ALGORITHM\}: The environment variable NONE/
    ],
    [{ audience: '${CLIENT}' }, /"description":"not for ••• at \/token"/],
    [
      { tokenEndpoint: '${TOKEN_URL_WITH_KEY}' },
      /"description":"not for the-client at \/refusing•••"/
    ]
  ]
  for (const [form, shown] of hidden) {
    it(`never shows the value of a variable: ${JSON.stringify(form)}`, async () => {
      if (shown.source.includes('description')) {
        server.answer = ({ url }, response) => {
          refusal(`not for the-client at ${url}`)({} as never, response)
        }
      }
      const credentials = { ...TYPED, clientId: 'the-client', privateKey }
      assert.match(JSON.stringify(await test({ ...form, credentials })), shown)
    })
  }

  /** A mistake in the form → what is said about it. */
  const mistakes: [mistake: string, form: Form, words: RegExp][] = [
    ['a TLS configuration that is not there', { tls: 'new' }, /missing or disabled.*Correct this/],
    ['a proxy that is not there', { proxy: 'new' }, /missing or disabled.*Correct this/],
    ['an unset variable', { scope: '${NO_SUCH_VARIABLE}' }, /NO_SUCH_VARIABLE .*Correct this/],
    [
      'no secret at all',
      { credentials: { clientId: CLIENT_ID } },
      /^Client secret: .* Correct this/
    ],
    ...(
      [
        ['Authorization', 'The node itself sets this header'],
        ['content-type', 'The node itself sets this header'],
        ['Host', 'The node itself sets this header'],
        ['a b', 'This is not a header name'],
        ['X-Key', 'A header cannot carry this character']
      ] as const
    ).map(([name, words]): [string, Form, RegExp] => [
      `the header ${name}, with a line break in its value`,
      { headers: [{ name, value: `${KEY_OF_GATEWAY}\n` }] },
      new RegExp(`^Headers, ${name}: ${words}.*Correct this`)
    ])
  ]
  for (const [mistake, form, words] of mistakes) {
    it(`says what to do about ${mistake}`, async () => {
      const { ok, code, description, hint } = await test(form)
      assert.deepEqual([ok, code], [false, 'CONFIG'])
      assert.notEqual(hint, '')
      assert.match(`${String(description)} ${String(hint)}`, words)
      assert.deepEqual(server.seen, [])
    })
  }

  it('says what to do about a wrong secret', async () => {
    const answer = await test({
      ...{ tokenEndpoint: '', issuer: world.tokens.issuer, extraParams: [] },
      credentials: { ...TYPED, clientSecret: 'wrong-1-2-3' }
    })
    assert.deepEqual([answer['ok'], answer['code']], [false, 'invalid_client'])
    assert.match(String(answer['hint']), /secret/)
  })

  it('says what to do about a certificate that is not trusted', async (t) => {
    const untrusted = await startHl7Receiver({ tls: await selfSignedCertificate() })
    t.after(() => untrusted.close())
    const { code, hint } = await test({ tokenEndpoint: untrusted.url })
    assert.equal(code, 'DEPTH_ZERO_SELF_SIGNED_CERT')
    assert.match(String(hint), /TLS configuration/)
    assert.deepEqual(untrusted.requests, [])
  })

  it('trusts no certificate for a TLS configuration that does not say whether it is verified, as once it is deployed', async (t) => {
    const untrusted = await startHl7Receiver({ tls: await selfSignedCertificate() })
    t.after(() => untrusted.close())
    for (const said of [{}, { verifyservercert: null }, { verifyservercert: 'false' }]) {
      const tls = { id: 'new-tls', type: 'tls-config', ...said }
      const { code } = await test({ tokenEndpoint: untrusted.url, tls: tls.id, nodes: [tls] })
      assert.equal(code, 'DEPTH_ZERO_SELF_SIGNED_CERT', JSON.stringify(said))
    }
    assert.deepEqual(untrusted.requests, [])
  })

  it('answers anything that is no form', async () => {
    const members = ['code', 'description', 'hint', 'hints', 'ok', 'status']
    for (const body of [{}, [], { credentials: 7 }, { tls: {} }, { extraParams: 'x' }]) {
      const { body: answer } = await world.nodeRed.post(
        '/oauth2-client-credentials/auth/test',
        body
      )
      assert.deepEqual(Object.keys(answer as Answer).sort(), members)
      assert.equal((answer as Answer)['ok'], false)
    }
  })

  it('ends the back-off of the deployed node if the same settings work', async () => {
    server.answer = json({ error: 'invalid_client' }, 401)
    world.receiver.respond = () => ({ status: 500 })
    const send = () => as(world.nodeRed, 'night', '/hl7-https-out/out/test', {})
    await world.nodeRed.deploy(flow())
    await world.eventually(() => server.seen.length === 1)
    await send()
    assert.equal(server.seen.length, 1, 'it backs off')
    server.answer = TOKEN
    await test({ scope: 'another' })
    await send()
    assert.equal(server.seen.length, 2, 'it still does')
    await test()
    await send()
    assert.equal(server.seen.length, 4)
  })

  it('is for those who may deploy', async () => {
    for (const id of ['auth', 'not-deployed']) {
      const path = `/oauth2-client-credentials/${id}/test`
      for (const user of ['watch', 'night', 'analyst', 'stranger'] as const) {
        assert.equal((await as(world.nodeRed, user, path, settings())).status, 401, user)
      }
      for (const user of ['author', 'admin'] as const) await test({}, id, user)
    }
  })

  it('is in the audit log, without secrets', async () => {
    const before = (await world.nodeRed.printed()).length
    await test({ scope: '${TEST_SECRET}' })
    const log = (await world.nodeRed.printed()).slice(before).join('\n')
    assert.match(log, /oauth2-client-credentials\.test/)
    for (const secret of [CLIENT_SECRET, TEST_SECRET, 'opaque-token']) {
      assert.ok(!log.includes(secret), secret)
    }
  })
})

describe('the Test button in a Node-RED without users', () => {
  it('is for everybody', async (t) => {
    const world = await startWorld()
    t.after(() => world.close())
    await world.deploy()
    const form = { issuer: world.tokens.issuer, tls: 'tls', credentials: TYPED }
    const { body } = await world.nodeRed.post('/oauth2-client-credentials/new/test', form)
    assert.equal((body as Answer)['ok'], true)
  })
})
