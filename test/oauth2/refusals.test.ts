import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Hint } from '../../src/oauth2/hint.ts'
import { TOKEN_REFUSALS } from '../../src/oauth2/refusal-hints.ts'
import { shownCode } from '../../src/codes.ts'
import type { TokenError } from '../../src/oauth2/token-error.ts'
import type { ClientAuthMethod, TokenSettings } from '../../src/oauth2/token-settings.ts'
import { printableProse } from '../../src/printable.ts'
import { json, text, type Fault } from '../support/token-fault-server.ts'
import { tokenTest, withMetadata } from '../support/token-test.ts'

const privateKey = generateKeyPairSync('ed25519').privateKey.export({
  type: 'pkcs8',
  format: 'pem'
}) as string

type Key = Hint['key']
type Given = Partial<TokenSettings>

const keysOf = ({ hints }: TokenError): Key[] => hints.map(({ key }) => key)
const bare = (status: number, headers = {}): Fault => text('', 'text/plain', status, headers)
/** As a date in a header, a second being the shortest time there. */
const inSeconds = (seconds: number): string => new Date(Date.now() + seconds * 1000).toUTCString()

/** What a user is told when the token server refuses. */
describe('a refusal', () => {
  const test = tokenTest()
  let folder: string
  let methods: Record<ClientAuthMethod, Given>
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'refusals-'))
    const assertionFile = join(folder, 'token')
    await writeFile(assertionFile, `e30.${Buffer.from('{}').toString('base64url')}.e30`)
    methods = {
      client_secret_basic: {},
      client_secret_basic_raw: {},
      client_secret_post: {},
      client_secret_jwt: {},
      private_key_jwt: { privateKey },
      tls_client_auth: { hasClientCertificate: true },
      client_assertion_file: { assertionFile },
      none: {}
    }
  })
  after(() => rm(folder, { recursive: true }))

  const refuse = (
    answer: Fault,
    clientAuth: ClientAuthMethod = 'client_secret_basic',
    given: Given = {}
  ): Promise<TokenError> => test.failure(answer, { clientAuth, ...methods[clientAuth], ...given })

  for (const [what, answer, reason] of [
    ['words', json({ error: 'invalid_scope', error_description: 'No.' }, 400), ': "No".'],
    ['words without a code', json({ message: 'who?' }, 400), ': "who?".'],
    ['a code', json({ error: 'invalid_scope' }, 400), '.'],
    ['neither', bare(400), ' and gave no reason.']
  ] satisfies [string, Fault, string][]) {
    it(`names the server, the client and the status, and quotes what it says: ${what}`, async () => {
      const server = new URL(test.server.origin).host
      const { name, text, host } = await refuse(answer)
      assert.deepEqual([name, host], ['TokenError', server])
      const request = 'the request of client integration-engine'
      assert.equal(text, `The token server ${server} refused ${request} (HTTP 400)${reason}`)
    })
  }

  it('cuts the ID of a client, and hides one that is a secret too', async () => {
    const clientId = `${'x'.repeat(200)}\nnot-so-secret`
    const { message } = await refuse(bare(400), undefined, { clientId })
    assert.match(message, /of client x{59}… \(HTTP 400\)/)
    const { message: hidden } = await refuse(bare(400), undefined, { clientId: 'not-so-secret' })
    assert.match(hidden, /of client ••• \(HTTP 400\)/)
  })

  for (const [method, hint] of [
    ['client_secret_basic', 'clientBasic'],
    ['client_secret_basic_raw', 'clientBasicRaw'],
    ['client_secret_post', 'clientPost'],
    ['client_secret_jwt', 'clientSecretJwt'],
    ['private_key_jwt', 'clientKey'],
    ['tls_client_auth', 'clientTls'],
    ['client_assertion_file', 'clientAssertionFile'],
    ['none', 'clientNone']
  ] satisfies [ClientAuthMethod, Key][]) {
    it(`of a client with ${method} has the hint ${hint}`, async () => {
      const error = await refuse(json({ error: 'invalid_client' }, 401), method)
      assert.deepEqual(keysOf(error), [hint, 'inUse'])
      assert.deepEqual(error.hints[1]?.values, { method, grant: 'client_credentials' })
      for (const status of [401, 403]) {
        assert.deepEqual(keysOf(await refuse(bare(status), method)), [hint, 'inUse'])
      }
    })
  }

  const password: Given = { grantType: 'password', username: 'a', password: 'b' }
  const withKeyId: Given = { clientAuth: 'private_key_jwt', privateKey, keyId: 'k' }
  for (const [code, given, ...hints] of [
    ['invalid_client', withKeyId, 'clientKeyId', 'inUse'],
    ['invalid_client', { keyId: 'k' }, 'clientBasic', 'inUse'],
    ['unauthorized_client', {}, 'unauthorizedClient', 'inUse'],
    ['invalid_scope', {}, 'scopeMissing'],
    ['invalid_scope', { scope: 'x' }, 'scopeUnknown'],
    ['invalid_target', {}, 'invalidTarget'],
    ['access_denied', {}, 'accessDenied'],
    ['unsupported_grant_type', {}, 'unsupportedGrant'],
    ['invalid_grant', {}, 'clientBasic', 'inUse'],
    ['invalid_grant', password, 'grantPassword'],
    ['invalid_grant', { grantType: 'jwt_bearer', privateKey }, 'grantJwtBearer', 'inUse'],
    ['invalid_request', {}, 'invalidRequest', 'inUse'],
    ['use_dpop_nonce', {}, 'noDpop'],
    ['invalid_dpop_proof', {}, 'noDpop'],
    ['invalid_dpop_proof', { dpop: true }, 'dpopProof'],
    ['something_else', {}, 'askOperator']
  ] satisfies [string, Given, ...Key[]][]) {
    it(`with ${code} has the hint ${hints.join()}`, async () => {
      const error = await refuse(json({ error: code }, 400), undefined, given)
      assert.equal(error.code, code)
      assert.deepEqual(keysOf(error), hints)
      assert.equal(error.permanent, true)
    })
  }

  const jwtBySecret =
    'Client authentication failed: Signature on JWT token by client secret failed validation'
  for (const [what, error, method, given, ...hints] of [
    [
      'begins so',
      'invalid_client',
      'client_secret_basic',
      { clientSecret: ' s' },
      'blankAround',
      'clientBasic',
      'inUse'
    ],
    [
      'ends so',
      'invalid_grant',
      'client_secret_post',
      { clientSecret: 's\n' },
      'blankAround',
      'clientPost',
      'inUse'
    ],
    [
      'signs',
      jwtBySecret,
      'client_secret_jwt',
      { clientSecret: 's ' },
      'blankAround',
      'secretWrong'
    ],
    [
      'is a password',
      'invalid_grant',
      'client_secret_basic',
      { ...password, password: 'b ' },
      'blankAround',
      'grantPassword'
    ],
    [
      'has one inside',
      'invalid_client',
      'client_secret_basic',
      { clientSecret: 's s' },
      'clientBasic',
      'inUse'
    ],
    [
      'is not used',
      'invalid_client',
      'private_key_jwt',
      { clientSecret: 's ' },
      'clientKey',
      'inUse'
    ],
    ['is not meant', 'invalid_scope', 'client_secret_basic', { clientSecret: 's ' }, 'scopeMissing']
  ] satisfies [string, string, ClientAuthMethod, Given, ...Key[]][]) {
    it(`says of a secret that it has a blank around it: it ${what}`, async () => {
      const isCode = /^[a-z_]+$/.test(error)
      const answer = json(isCode ? { error } : { error: 'x', error_description: error }, 401)
      const { hints: found, hint } = await refuse(answer, method, given)
      assert.deepEqual(
        found.map(({ key }) => key),
        hints
      )
      const label = what.endsWith('password') ? 'Password' : 'Client secret'
      if (hints[0] === 'blankAround') {
        assert.ok(hint.startsWith(`${label} begins or ends with a blank`))
      }
    })
  }

  it('that only in words asks for DPoP says so', async () => {
    const words = { error: 'invalid_request', error_description: 'dpop proof is missing' }
    assert.deepEqual(keysOf(await refuse(json(words, 400))), ['noDpop'])
    const proof = await refuse(json(words, 400), undefined, { dpop: true })
    assert.deepEqual(keysOf(proof), ['invalidRequest', 'inUse'])
  })

  for (const [status, permanent, ...hints] of [
    [400, true, 'askOperator'],
    [404, true, 'endpointGone'],
    [405, true, 'notPost'],
    [407, true, 'proxyLogin'],
    [408, false, 'askOperator'],
    [410, true, 'endpointGone'],
    [415, true, 'askOperator'],
    [418, true, 'askOperator'],
    [429, false, 'tooMany'],
    [499, true, 'askOperator'],
    [500, false, 'serverProblem'],
    [503, false, 'serverProblem'],
    [599, false, 'serverProblem'],
    [999, false, 'serverProblem']
  ] satisfies [number, boolean, ...Key[]][]) {
    it(`with status ${status} has the hint ${hints.join()}`, async () => {
      for (const body of ['', '{"error":"something_else"}']) {
        const error = await refuse(text(body, 'application/json', status))
        assert.equal(error.status, status)
        assert.deepEqual(keysOf(error), hints)
        assert.equal(error.permanent, permanent)
      }
    })
  }

  for (const [code, status, ...hints] of [
    ['server_error', 500, 'serverError'],
    ['server_error', 503, 'serverError'],
    ['server_error', 400, 'serverError'],
    ['temporarily_unavailable', 400, 'serverProblem'],
    ['slow_down', 400, 'serverProblem']
  ] satisfies [string, number, ...Key[]][]) {
    it(`with ${code} and status ${status} may pass`, async () => {
      const error = await refuse(json({ error: code }, status))
      assert.equal(error.code, code)
      assert.deepEqual(keysOf(error), hints)
      assert.equal(error.permanent, false)
    })
  }

  const bearer = 'Bearer realm="o", error="invalid_client", error_description="Bad credentials"'
  for (const [challenge, code, description] of [
    [bearer, 'invalid_client', 'Bad credentials'],
    ['Bearer error=invalid_client', 'invalid_client'],
    ['error = "invalid_client"', 'invalid_client'],
    ['Bearer a="b",Error="x_y"', 'x_y'],
    ['Basic realm="error"', 'ERR_HTTP_STATUS'],
    ['Bearer my_error="x"', 'ERR_HTTP_STATUS'],
    ['Bearer error=""', 'ERR_HTTP_STATUS'],
    [
      'Bearer error="not-so-secret", error_description="no not-so-secret"',
      'ERR_HTTP_STATUS',
      'no •••'
    ]
  ] satisfies [string, string, string?][]) {
    it(`may have its code in the challenge alone: ${challenge}`, async () => {
      const error = await refuse(bare(401, { 'www-authenticate': challenge }))
      assert.deepEqual([error.code, error.description], [code, description])
      const own = json({ error: 'own', message: 'words' }, 401, { 'www-authenticate': challenge })
      const other = await refuse(own)
      assert.deepEqual([other.code, other.description], ['own', 'words'])
    })
  }

  for (const [what, error] of [
    ['a secret', 'not-so-secret'],
    ['a sentence', 'two words'],
    ['begins with a digit', '7up'],
    ['two lines', 'x\r\ny'],
    ['61 characters', `a${'b'.repeat(60)}`],
    ['beyond ASCII', 'é'],
    ['a blank before it', ' x'],
    ['a blank behind it', 'x ']
  ]) {
    it(`has no code that is not a word or is a secret: ${what}`, async () => {
      const { code, message } = await refuse(json({ error }, 400))
      assert.equal(code, 'ERR_HTTP_STATUS')
      assert.ok(!message.includes(error ?? ''))
    })
  }

  for (const code of ['own_code.7-b', `a${'b'.repeat(59)}`, 'X']) {
    it(`may have a code of its own: ${code}`, async () => {
      assert.equal((await refuse(json({ error: code }, 400))).code, code)
    })
  }

  const two = ['client_secret_post', 'private_key_jwt']
  const many = Array.from({ length: 30 }, (_, index) => `method-${index}`)
  const hostile = ['two words', 'x'.repeat(41), '', 'a\nb', '__clientId__'.repeat(9)]
  for (const [method, supported, listed, code = 'invalid_client'] of [
    ['client_secret_basic', two, 'client_secret_post, private_key_jwt'],
    ['client_secret_basic', two, 'client_secret_post, private_key_jwt', 'invalid_request'],
    ['client_secret_basic', two, 'client_secret_post, private_key_jwt', 'unauthorized_client'],
    ['client_secret_basic', two, undefined, 'invalid_scope'],
    ['client_secret_basic_raw', ['x', 'client_secret_basic'], undefined],
    ['client_secret_basic_raw', ['x'], 'x'],
    ['client_assertion_file', ['x', 'private_key_jwt'], undefined],
    ['client_assertion_file', ['x'], 'x'],
    ['tls_client_auth', ['x', 'tls_client_auth'], undefined],
    ['tls_client_auth', ['x', 'self_signed_tls_client_auth'], undefined],
    ['tls_client_auth', ['x'], 'x'],
    ['none', ['x', 'none'], undefined],
    ['none', ['x'], 'x'],
    ['none', [], undefined],
    ['none', hostile, undefined],
    ['none', [...hostile, ...many], many.slice(0, 10).join(', ')]
  ] satisfies [ClientAuthMethod, string[], string | undefined, string?][]) {
    const lists = supported.length > 2 ? 'much' : supported.join()
    it(`names the methods of a server that lists ${lists}: ${method}, ${code}`, async () => {
      const metadata = { token_endpoint_auth_methods_supported: supported }
      const answer = withMetadata(metadata, json({ error: code }, 400))
      const at = { tokenEndpoint: '', issuer: test.server.origin, scope: 'x' }
      const { hints } = await refuse(answer, method, at)
      const hint = hints.find(({ key }) => key === 'methodNotListed')
      assert.deepEqual(hint?.values, listed && { method, methods: listed })
    })
  }

  const grant = { grantType: 'jwt_bearer', privateKey } as const
  for (const [ahead, method, given, ...hints] of [
    [600, 'private_key_jwt', {}, 'clockAhead', 'clientKey', 'inUse'],
    [-600, 'client_secret_jwt', {}, 'clockBehind', 'clientSecretJwt', 'inUse'],
    [600, 'none', grant, 'clockAhead', 'clientNone', 'inUse'],
    [20, 'private_key_jwt', {}, 'clientKey', 'inUse'],
    [-20, 'private_key_jwt', {}, 'clientKey', 'inUse'],
    // It does not tell its time, as Keycloak.
    [Number.NaN, 'private_key_jwt', {}, 'clientKey', 'clock', 'inUse'],
    [Number.NaN, 'client_secret_basic', {}, 'clientBasic', 'inUse'],
    [600, 'client_secret_basic', {}, 'clientBasic', 'inUse']
  ] satisfies [number, ClientAuthMethod, Given, ...Key[]][]) {
    it(`of what carries the time compares the clocks: ${ahead} s ahead, ${method}`, async () => {
      const answer = json({ error: 'invalid_client' }, 401, { date: inSeconds(-ahead) })
      const error = await refuse(answer, method, given)
      assert.deepEqual(keysOf(error), hints)
      const { seconds = 600 } = error.hints[0]?.values ?? {}
      assert.ok(Math.abs(Number(seconds) - 600) < 10)
    })
  }

  for (const code of ['invalid_grant', 'invalid_dpop_proof']) {
    it(`of the grant's assertion or a proof compares them too: ${code}`, async () => {
      const answer = json({ error: code }, 400, { date: inSeconds(-90) })
      const given = code === 'invalid_grant' ? grant : { dpop: true }
      const [first] = (await refuse(answer, 'client_secret_basic', given)).hints
      assert.equal(first?.key, 'clockAhead')
    })
  }

  for (const [what, headers, seconds] of [
    ['seconds', { 'retry-after': '7' }, 7],
    ['a date', { date: inSeconds(-90), 'retry-after': inSeconds(-70) }, 20]
  ] as const) {
    it(`says when to retry: ${what}`, async () => {
      const { retryAfterMs = 0 } = await refuse(bare(503, headers))
      assert.ok(Math.abs(retryAfterMs / 1000 - seconds) <= 1)
    })
  }

  it('with 404 of the endpoint that the issuer names says to check the issuer', async () => {
    const at = { tokenEndpoint: '', issuer: test.server.origin }
    const error = await refuse(withMetadata({}, bare(404)), 'client_secret_basic', at)
    assert.deepEqual(keysOf(error), ['discoveredEndpointGone'])
  })
})

/** An answer of a token server as somebody recorded it, and what the log says of it. */
interface Recorded {
  who: string
  status: number
  body: string
  /** Stands before the sentence in the log. */
  code: string
  /** Stand behind it. */
  words?: string
  hints: Key[]
  given?: Given
}

/** The members of RFC 6749 §5.2. */
function refused(
  who: string,
  status: number,
  [error, words]: [error: string, words?: string],
  hints: Key[],
  given: Given = {}
): Recorded {
  const body = JSON.stringify({ error, error_description: words })
  const quoted = words === undefined ? {} : { words: printableProse(words) }
  return { who, status, body, code: error, ...quoted, hints, given }
}

const signed: Given = { clientSecret: '', privateKey }
const secretJwt: Given = { clientAuth: 'client_secret_jwt' }
const inTenant: Given = { scope: 'api://hl7/.default' }
/** Keycloak does not tell its time. */
const ofClient: Key[] = ['clock', 'inUse']
const WRONG = 'Invalid client or Invalid client credentials'
const TRACE =
  '\r\nTrace ID: 03da4b8e-5ffe-48ca-9754-aff4276f0100\r\nCorrelation ID: 7b12f9bb-2eef-42e3-ad75-eee69ec9088d\r\nTimestamp: 2022-03-02 18:25:26Z'
/** What can happen to an application of Entra ID that is in another tenant. */
const NOT_INSTALLED =
  ' This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.'

/**
 * Word for word: of Keycloak and Spring when they were tried (26.7, 1.5) or, where it says so, from Keycloak's source; of
 * the services from their documentation, or from reports of people who got them. Identifiers are invented.
 */
const RECORDED: Recorded[] = [
  refused(
    'Keycloak: wrong secret, wrong method, or a key for a client with a secret',
    401,
    ['unauthorized_client', WRONG],
    ['clientOrCredentials', 'inUse']
  ),
  refused(
    'Keycloak: client disabled or unknown',
    401,
    ['invalid_client', WRONG],
    ['clientOrCredentials', 'inUse']
  ),
  refused(
    'Keycloak: a public client',
    401,
    ['unauthorized_client', 'Public client not allowed to retrieve service account'],
    ['publicClient']
  ),
  refused(
    'Keycloak: a secret with % that is not encoded',
    400,
    ['unauthorized_client', 'Unexpected error when authenticating client'],
    ['basicNotEncoded'],
    { clientAuth: 'client_secret_basic_raw' }
  ),
  refused(
    'Keycloak: its database is away',
    400,
    ['unauthorized_client', 'Unexpected error when authenticating client'],
    ['serverError']
  ),
  refused(
    'Keycloak: a user with an open action',
    400,
    ['invalid_grant', 'Account is not fully set up'],
    ['accountNotSetUp'],
    { grantType: 'password', username: 'a', password: 'b' }
  ),
  refused(
    'Keycloak: a client without the JWT grant',
    400,
    ['invalid_grant', 'JWT Authorization Grant is not supported for the requested client'],
    ['unauthorizedClient'],
    { ...signed, grantType: 'jwt_bearer' }
  ),
  refused(
    'oidc-provider: a client without the grant',
    400,
    ['invalid_request', 'requested grant type is not allowed for this client'],
    ['unauthorizedClient']
  ),
  refused(
    'MITREid: a client without the grant',
    401,
    ['invalid_client', 'Unauthorized grant type: client_credentials'],
    ['unauthorizedClient']
  ),
  refused(
    'MITREid: a client registered for another method',
    401,
    ['invalid_client', 'Client does not support this authentication method.'],
    ['otherMethod']
  ),
  {
    ...refused(
      'Ory Hydra: a client registered for Basic',
      401,
      [
        'invalid_client',
        "Client authentication failed (e.g., unknown client, no client authentication included, or unsupported authentication method). The OAuth 2.0 Client supports client authentication method 'client_secret_basic', but method 'client_secret_post' was requested. You must configure the OAuth 2.0 client's 'token_endpoint_auth_method' value to accept 'client_secret_post'."
      ],
      ['otherMethodNamed'],
      { clientAuth: 'client_secret_post' }
    ),
    // What the RFC says of every invalid_client is left out.
    words:
      "The OAuth 2.0 Client supports client authentication method 'client_secret_basic', but method 'client_secret_post' was requested. You must configure the OAuth 2.0 client's 'token_endpoint_auth_method' value to accept 'client_secret_post'."
  },
  refused(
    'Ory Hydra: nothing but what the RFC says',
    400,
    ['invalid_scope', 'The requested scope is invalid, unknown, or malformed.'],
    ['scopeMissing']
  ),
  {
    ...refused(
      'Ory Hydra: an unknown kid',
      401,
      [
        'invalid_client',
        "Client authentication failed (e.g., unknown client, no client authentication included, or unsupported authentication method). Unable to find RSA public key with use='sig' for kid 'k2' in JSON Web Key Set."
      ],
      ['unknownKeyId'],
      { ...signed, keyId: 'k2' }
    ),
    words: "Unable to find RSA public key with use='sig' for kid 'k2' in JSON Web Key Set."
  },
  refused('Ory Hydra: an error of its own', 500, ['error', 'Try again.'], ['serverError']),
  refused(
    'go-oauth2: an unknown client',
    500,
    [
      'server_error',
      'The authorization server encountered an unexpected condition that prevented it from fulfilling the request'
    ],
    ['serverError']
  ),
  refused('Medplum: wrong secret', 400, ['invalid_request', 'Invalid secret'], ['secretWrong']),
  refused('Medplum: unknown client', 400, ['invalid_request', 'Invalid client'], ['clientUnknown']),
  refused(
    'Keycloak: service accounts off',
    401,
    ['unauthorized_client', 'Client not enabled to retrieve service account'],
    ['serviceAccounts']
  ),
  {
    who: 'Keycloak: realm unknown',
    status: 404,
    body: '{"error":"Realm does not exist","error_description":"For more on this error consult the server log."}',
    code: 'ERR_HTTP_STATUS',
    words: 'Realm does not exist. For more on this error consult the server log.',
    hints: ['realmOfTokenUrl']
  },
  refused(
    'Keycloak: realm disabled',
    403,
    ['access_denied', 'Realm not enabled'],
    ['realmDisabled']
  ),
  refused(
    'Keycloak: a client that signs, without an assertion',
    400,
    ['invalid_client', 'Parameter client_assertion_type is missing'],
    ['wantsSignedJwt']
  ),
  refused(
    'Keycloak: clock more than 15 s ahead',
    400,
    ['invalid_client', 'Token was issued in the future'],
    ['clockDiffers'],
    signed
  ),
  refused(
    'Keycloak (source): clock far behind',
    400,
    ['invalid_client', 'Token was issued too far in the past to be used now'],
    ['clockDiffers'],
    signed
  ),
  refused(
    'Keycloak (source): clock so far behind that the JWT has expired',
    400,
    ['invalid_client', 'Token is not active'],
    ['clockDiffers'],
    signed
  ),
  refused(
    'Keycloak (source): a JWT for another audience',
    400,
    ['invalid_client', 'Invalid token audience'],
    ['assertionAudience'],
    signed
  ),
  refused(
    'Keycloak: an assertion used twice',
    400,
    ['invalid_client', 'Token reuse detected'],
    ['assertionReused']
  ),
  refused(
    'Keycloak: a client fixed to HS512',
    400,
    ['invalid_client', 'Invalid signature algorithm'],
    ['algorithm'],
    secretJwt
  ),
  refused(
    'Keycloak: a JWT signed with another secret',
    400,
    [
      'unauthorized_client',
      'Client authentication with client secret signed JWT failed: Signature on JWT token by client secret  failed validation'
    ],
    ['secretWrong'],
    secretJwt
  ),
  refused(
    'Keycloak: a JWT signed with another key of the same name',
    400,
    [
      'invalid_client',
      'Client authentication with signed JWT failed: Signature on JWT token failed validation'
    ],
    ['keyOfJwt'],
    signed
  ),
  refused(
    'Keycloak: a key that is not registered',
    400,
    ['invalid_client', 'Unable to load public key'],
    ['keyOfJwt'],
    signed
  ),
  refused(
    'Keycloak: another mistake of a client that signs',
    400,
    ['invalid_client', 'client_id parameter does not match sub claim'],
    ['clientKey', ...ofClient],
    signed
  ),
  refused(
    'Keycloak: no certificate where tokens are bound to one',
    400,
    ['invalid_request', 'Client Certification missing for MTLS HoK Token Binding'],
    ['clientCertificate']
  ),
  refused('Keycloak: no DPoP proof', 400, ['invalid_request', 'DPoP proof is missing'], ['noDpop']),
  refused(
    'Keycloak: clock, or address, of a DPoP proof',
    400,
    ['invalid_request', 'DPoP proof is not active'],
    ['dpopProof'],
    { dpop: true }
  ),
  refused(
    'Keycloak (source): address of a DPoP proof behind a proxy',
    400,
    ['invalid_request', 'DPoP HTTP URL mismatch'],
    ['dpopProof'],
    { dpop: true }
  ),
  refused(
    'Spring Authorization Server: a client registered for Post only',
    401,
    ['invalid_client'],
    ['clientBasic', 'inUse']
  ),
  refused(
    'Microsoft Entra ID: the ID of the secret, not its value',
    401,
    [
      'invalid_client',
      `AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '86be4c01-505b-45e9-bfc0-9b825fd84a2e'.${TRACE}`
    ],
    ['secretValue']
  ),
  refused(
    'Microsoft Entra ID: the secret has expired',
    401,
    ['invalid_client', `AADSTS7000222: The provided client secret keys are expired.${TRACE}`],
    ['secretExpired']
  ),
  refused(
    'Microsoft Entra ID: no such application',
    400,
    [
      'unauthorized_client',
      `AADSTS700016: Application with identifier 'hl7' was not found in the directory 'Hospital'.${NOT_INSTALLED}${TRACE}`
    ],
    ['clientUnknown']
  ),
  refused(
    'Microsoft Entra ID: no such API',
    400,
    [
      'invalid_resource',
      `AADSTS500011: The resource principal named api://hl7 was not found in the tenant named Hospital.${NOT_INSTALLED}${TRACE}`
    ],
    ['scopeUnknown'],
    inTenant
  ),
  refused(
    'Microsoft Entra ID: no such tenant',
    400,
    [
      'invalid_request',
      `AADSTS90002: Tenant bf8d32d3-1c13-4487-af02-80dba22364851 not found. This may happen if there are no active subscriptions for the tenant. Check to make sure you have the correct tenant ID.${TRACE}`
    ],
    ['realmOfTokenUrl']
  ),
  refused(
    'Microsoft Entra ID: a certificate that was not uploaded',
    401,
    [
      'invalid_client',
      `AADSTS700027: Client assertion contains an invalid signature. [Reason - The key was not found., Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app Id '911f001c-650d-4b8e-97ac-e3a88ec20df9'. Review the documentation at https://docs.microsoft.com/en-us/graph/deployments to determine the corresponding service endpoint and https://docs.microsoft.com/en-us/graph/api/application-get?view=graph-rest-1.0&tabs=http to build a query request URL, such as 'https://graph.microsoft.com/beta/applications/911f001c-650d-4b8e-97ac-e3a88ec20df9'].${TRACE}`
    ],
    ['keyOfJwt'],
    signed
  ),
  refused(
    'Microsoft Entra ID: a key that is not RSA',
    400,
    [
      'invalid_request',
      `AADSTS5002738: Invalid JWT token. 'ES384' is not a supported signature algorithm. Supported signing algorithms are: 'RS256, HS256'${TRACE}`
    ],
    ['algorithm'],
    signed
  ),
  refused(
    'Microsoft Entra ID: the JWT in the file has expired, by its clock',
    401,
    [
      'invalid_client',
      `AADSTS700024: Client assertion is not within its valid time range. Current time: 2023-05-30T05:19:20.3135329Z, assertion valid from 2023-02-28T08:57:37.0000000Z, expiry time of assertion 2023-02-28T09:57:37.0000000Z. Review the documentation at https://docs.microsoft.com/azure/active-directory/develop/active-directory-certificate-credentials .${TRACE}`
    ],
    ['clockDiffers']
  ),
  refused(
    'Microsoft Entra ID: no federated credential for the service account',
    400,
    [
      'invalid_request',
      `AADSTS70021: No matching federated identity record found for presented assertion. Assertion Issuer: 'https://cluster.example/'. Assertion Subject: 'system:serviceaccount:hl7:sender'. Assertion Audience: 'api://AzureADTokenExchange'. https://docs.microsoft.com/en-us/azure/active-directory/develop/workload-identity-federation${TRACE}`
    ],
    ['clientAssertionFile']
  ),
  refused(
    'Okta: wrong secret',
    401,
    ['invalid_client', 'The client secret supplied for a confidential client is invalid.'],
    ['secretWrong']
  ),
  {
    who: 'Okta: unknown client',
    status: 401,
    body: `{"errorCode":"invalid_client","errorSummary":"Invalid value for 'client_id' parameter.","errorLink":"invalid_client","errorId":"oaejDJuWCiRTQeH8n6WG2116A","errorCauses":[]}`,
    code: 'invalid_client',
    words: "Invalid value for 'client_id' parameter.",
    hints: ['clientUnknown']
  },
  refused(
    'Okta: no access policy for this client and scope',
    400,
    [
      'access_denied',
      'Policy evaluation failed for this request, please check the policy configurations.'
    ],
    ['accessDenied']
  ),
  refused(
    'Okta: a new application of the type API Services',
    400,
    ['invalid_dpop_proof', 'The DPoP proof JWT header is missing.'],
    ['noDpop']
  ),
  refused(
    'Auth0: not authorized for the API',
    403,
    [
      'access_denied',
      'Client is not authorized to access "https://api.example". You need to create a "client-grant" associated to this API. See: https://auth0.com/docs/api/v2#!/Client_Grants/post_client_grants'
    ],
    ['accessDenied']
  ),
  {
    who: 'a gateway (nginx)',
    status: 403,
    body: '<html>\r\n<head><title>403 Forbidden</title></head>\r\n<body>\r\n',
    code: 'ERR_HTTP_STATUS',
    hints: ['gateway']
  },
  refused('a server that nobody knows', 418, ['no_coffee', 'Try tea.'], ['askOperator'])
]

describe('a refusal as recorded', () => {
  const test = tokenTest()

  for (const { who, status, body, code, words, hints, given } of RECORDED) {
    it(`is told in its own words: ${who}`, async () => {
      const answer: Fault = (_request, response) => {
        // Keycloak sends no Date.
        response.sendDate = !who.startsWith('Keycloak')
        response.writeHead(status, { 'content-type': 'application/json' })
        response.end(body)
      }
      const error = await test.failure(answer, given)
      const { host } = new URL(test.server.origin)
      assert.deepEqual([error.code, error.status, error.host], [code, status, host])
      assert.equal(error.description, words)
      const verb = body.startsWith('<')
        ? `A web page came from ${host} (`
        : `${host} ${status < 500 ? 'refused the' : 'answered with'}`
      assert.ok(error.message.includes(verb), error.message)
      assert.deepEqual(keysOf(error), hints)
    })
  }

  it('is the source of every row that goes by words', () => {
    const bodies = RECORDED.map(({ body }) => body.toLowerCase())
    for (const { words } of TOKEN_REFUSALS.flatMap(({ answers }) => answers)) {
      const known = bodies.some((body) => body.includes((words ?? '').toLowerCase()))
      assert.ok(known, `nobody recorded "${words ?? ''}"`)
    }
  })

  it('names whom to ask if nothing is known of it', async () => {
    const { hint, text } = await test.failure(json({ error: 'x', error_description: 'Why?' }, 418))
    const { host } = new URL(test.server.origin)
    assert.equal(
      `${text} ${hint}`,
      `The token server ${host} refused the request of client integration-engine (HTTP 418): "Why?". Ask the operator of ${host} what this answer means.`
    )
  })

  for (const [who, status, error, words] of [
    ['Keycloak', 404, 'Realm does not exist', 'For more on this error consult the server log.'],
    [
      'Microsoft Entra ID',
      400,
      'invalid_tenant',
      `AADSTS90002: Tenant 'a1b2c3d4-e5f6-7890-abcd-ef1234567890' not found. This may happen if there are no active subscriptions for the tenant.${TRACE}`
    ]
  ] as const) {
    it(`names the realm or tenant in Issuer URL if that is where it was looked for: ${who}`, async () => {
      const at = { tokenEndpoint: '', issuer: `${test.server.origin}/realms/hl8` }
      const failure = await test.failure(json({ error, error_description: words }, status), at)
      assert.deepEqual([failure.code, failure.status], ['ERR_DISCOVERY', status])
      assert.match(failure.description ?? '', /^(?:Realm does not exist\.|AADSTS90002: Tenant)/)
      assert.deepEqual(keysOf(failure), ['realmOfIssuer'])
    })
  }

  it('in place of the metadata has all its values too', async () => {
    const at = { tokenEndpoint: '', issuer: test.server.origin }
    const words = 'AADSTS700016: Application was not found in the directory.'
    const error = await test.failure(json({ error: 'x', error_description: words }, 400), at)
    assert.match(error.hint, /Issuer URL leads to the right tenant/)
  })

  for (const found of ['http://keycloak:8080/realms/hl7', 'http://10.1.2.3/realms/hl7']) {
    it(`says that the server has to learn its public address: ${found}`, async () => {
      const at = { tokenEndpoint: '', issuer: `${test.server.origin}/realms/hl7` }
      const error = await test.failure(
        json({ issuer: found, token_endpoint: `${found}/token` }),
        at
      )
      assert.deepEqual([error.code, error.hints[0]?.values], ['ERR_ISSUER_MISMATCH', { found }])
      assert.match(
        error.hint,
        /^The token server does not know its public address and calls itself http:.*: its operator has to set it \(Keycloak: hostname, or X-Forwarded headers/
      )
    })
  }
})

describe('a redirect', () => {
  const test = tokenTest()
  const own = 'https://own.example'
  const okta = '/oauth2/aus1a2b3c4D5e6F7g8/v1/token'

  for (const [location, target] of [
    ['https://other.example/x?secret=1#secret', 'https://other.example/x'],
    ['https://me:secret@other.example', 'https://other.example/'],
    ['/token/', `${own}/token/`],
    ['https://not-so-secret.example/x', 'https://•••.example/x'],
    ['/not-so-secret/token', `${own}/•••/token`],
    [okta, `${own}${okta}`],
    [`/${'long/'.repeat(1000)}`, `${own}/${'long/'.repeat(300)}`],
    ['http://other.example/x', 'http://other.example/x'],
    ['javascript:alert(1)', 'nowhere'],
    ['httpss://other.example', 'nowhere'],
    ['xhttps://other.example', 'nowhere'],
    ['https://', 'nowhere'],
    [undefined, 'nowhere']
  ] satisfies [string | undefined, string][]) {
    it(`is not followed; its target is named without query and secrets: ${target.slice(0, 60)}`, async () => {
      const headers = location === undefined ? {} : { location }
      const { error, requests } = await test.ask(bare(307, headers))
      assert.equal(requests.length, 1)
      const { origin } = test.server
      const { host } = new URL(origin)
      const shown = target.replace(own, origin)
      const cut = shown.length > 300 ? `${shown.slice(0, 299)}…` : shown
      assert.equal(error?.message, `${host} redirects to ${cut} (HTTP 307), which is not followed.`)
      const key = target === 'nowhere' ? 'notTokenServer' : 'redirect'
      assert.deepEqual(error.hints, [{ key, values: { field: 'tokenEndpoint' } }])
      assert.deepEqual([error.code, error.status, error.permanent], ['ERR_REDIRECT', 307, true])
    })
  }

  for (const [status, code] of [
    [300, 'ERR_REDIRECT'],
    [399, 'ERR_REDIRECT'],
    [299, 'ERR_TOKEN_ANSWER'],
    [304, 'ERR_HTTP_STATUS'],
    [400, 'ERR_HTTP_STATUS']
  ] as const) {
    it(`is any 3xx but 304: ${status}`, async () => {
      assert.equal((await test.failure(bare(status, { location: '/' }))).code, code)
    })
  }
})

/** nginx in front of a token server answers 400 where others refuse the handshake. */
describe('a page about the client certificate', () => {
  const test = tokenTest()
  const page = (title: string): Fault =>
    text(`<html>\r\n<head><title>${title}</title></head></html>`, 'text/html', 400)

  for (const title of [
    '400 No required SSL certificate was sent',
    '400 The SSL certificate error'
  ]) {
    it(`is as a refused handshake: ${title}`, async () => {
      const error = await test.failure(page(title))
      const { host } = new URL(test.server.origin)
      assert.equal(
        error.message,
        `Token server ${host}: the server wants a client certificate, or a different one.`
      )
      assert.deepEqual(keysOf(error), ['clientCertificate'])
      assert.deepEqual(
        [error.code, error.status, error.family, error.permanent],
        ['ERR_HTTP_STATUS', 400, 'tls', true]
      )
    })
  }

  it('is no other page', async () => {
    const error = await test.failure(page('400 Bad Request'))
    assert.equal(error.family, undefined)
  })
})

describe('a status line', () => {
  for (const [given, shown] of [
    [{ code: 'invalid_client', status: 401 }, 'invalid_client'],
    [{ code: 'ERR_HTTP_STATUS', status: 403 }, 'HTTP 403'],
    [{ code: 'ERR_HTTP_STATUS' }, 'ERR_HTTP_STATUS'],
    [{ code: 'ECONNREFUSED' }, 'ECONNREFUSED']
  ] as const) {
    it(`shows ${shown} for ${JSON.stringify(given)}`, () => {
      assert.equal(shownCode(given), shown)
    })
  }
})
