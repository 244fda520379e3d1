import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { inspect } from 'node:util'
import { after, before, describe, it } from 'node:test'
import { testToken } from '../../src/oauth2/token-client.ts'
import { configError, shownCode, TokenError } from '../../src/oauth2/token-error.ts'
import type { TokenSettings } from '../../src/oauth2/token-settings.ts'
import { TokenSource } from '../../src/oauth2/token-source.ts'
import {
  json,
  startTokenFaultServer,
  type Fault,
  type SeenRequest,
  type TokenFaultServer
} from '../support/token-fault-server.ts'
import { tokenHttpClient, tokenSettings } from '../support/token-settings.ts'

const TOKEN = 'Zx81QLvic20Plus4Atari800'
const CLIENT_SECRET = 'Pa$$ wörd+/=&%27"<secret>'
const PASSWORD = 'user-Passw0rd-9000'
const PARAMETER = 'tenant-key-4711'
const CLAIM = 'claim-of-4712'
const HEADER = 'Gateway+Key=0815'
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const PASSPHRASE = 'open sesame 2000'
const PEM = privateKey.export({
  type: 'pkcs8',
  format: 'pem',
  cipher: 'aes-256-cbc',
  passphrase: PASSPHRASE
}) as string

/** Everything that the client sent, as a careless server might repeat it. */
function echo({ headers, form }: SeenRequest): string {
  const basic = (headers.authorization ?? '').replace('Basic ', '')
  const decoded = Buffer.from(basic, 'base64').toString()
  const assertion = form.get('client_assertion') ?? form.get('assertion') ?? ''
  const claims = Buffer.from(assertion.split('.')[1] ?? '', 'base64url').toString()
  const values = [...form].map(([name, value]) => `${name}=${value}`).join(' ')
  return `${claims.slice(-60)} ${String(headers['x-gateway'])} ${values} ${form.toString()} ${basic} ${decoded}`
}

function send(response: ServerResponse, status: number, body: unknown, more: object = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...more })
  response.end(typeof body === 'string' ? body : JSON.stringify(body))
}

/** Failures that reveal as much as possible. */
const FAULTS: Record<string, Fault> = {
  'an error that echoes the request': (request, response) => {
    send(response, 401, { error: 'invalid_client', error_description: echo(request) })
  },
  'an error code that echoes the secret': (request, response) => {
    send(response, 400, { error: request.form.get('client_secret') ?? echo(request) })
  },
  'an error code that is a secret': (request, response) => {
    send(response, 400, { error: request.form.get('key') })
  },
  'an echoed challenge': (request, response) => {
    const challenge = `Basic realm="${encodeURIComponent(echo(request)).slice(0, 4000)}"`
    send(response, 401, echo(request), { 'www-authenticate': challenge })
  },
  'a token of another type': json({ access_token: TOKEN, token_type: 'DPoP' }),
  'a token with a space': json({ access_token: `${TOKEN} `, token_type: 'Bearer' }),
  'a token in broken JSON': (_request, response) => {
    send(response, 200, `{"access_token":"${TOKEN}`)
  },
  'a redirect with everything': (request, response) => {
    send(response, 302, '', { location: `https://x.example/?${encodeURIComponent(echo(request))}` })
  },
  'a redirect to a path with everything': (request, response) => {
    send(response, 302, '', { location: `/${encodeURIComponent(echo(request))}` })
  },
  'a redirect with user info': (_request, response) => {
    send(response, 302, '', { location: `https://${TOKEN}:${PASSWORD}@x.example/` })
  },
  'a page with everything': (request, response) => {
    send(response, 500, `<html>${echo(request)}`, { 'content-type': 'text/html' })
  },
  'a page instead of a token': (request, response) => {
    send(response, 200, `<html>${echo(request)}`, { 'content-type': 'text/html' })
  },
  'an answer that is cut off': (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '500' })
    response.write(`{"access_token":"${TOKEN}"`, () => response.destroy())
  },
  'a connection that is cut off': (_request, response) => {
    response.destroy()
  },
  'an answer that is too large': json({ access_token: TOKEN, padding: 'x'.repeat(2_000_000) }),
  'a wrong encoding': (_request, response) => {
    send(response, 200, TOKEN, { 'content-encoding': 'gzip' })
  }
}

const METHODS: Record<string, Partial<TokenSettings>> = {
  basic: { clientAuth: 'client_secret_basic' },
  raw: { clientAuth: 'client_secret_basic_raw' },
  post: { clientAuth: 'client_secret_post' },
  'secret JWT': { clientAuth: 'client_secret_jwt' },
  'key JWT': { clientAuth: 'private_key_jwt' },
  'password grant': { clientAuth: 'client_secret_post', grantType: 'password' },
  'jwt_bearer grant': { clientAuth: 'client_secret_basic', grantType: 'jwt_bearer' }
}

describe('every error from getting a token', () => {
  let server: TokenFaultServer
  const httpClient = tokenHttpClient()

  before(async () => {
    server = await startTokenFaultServer(json({}))
  })
  after(async () => {
    httpClient.close()
    await server.close()
  })

  function settings(more: Partial<TokenSettings>): TokenSettings {
    return tokenSettings({
      tokenEndpoint: `${server.origin}/token`,
      clientSecret: CLIENT_SECRET,
      username: 'interface',
      password: PASSWORD,
      privateKey: PEM,
      privateKeyPassphrase: PASSPHRASE,
      extraParams: [{ name: 'key', value: PARAMETER }],
      headers: [{ name: 'X-Gateway', value: HEADER }],
      assertionClaims: [{ name: 'tenant', value: CLAIM, isJson: false }],
      secrets: [PARAMETER, HEADER, CLAIM],
      ...more
    })
  }

  /** What must never be shown, and parts of it. */
  function forbidden(seen: SeenRequest | undefined): string[] {
    const assertions = ['client_assertion', 'assertion'].flatMap((name) => {
      const [, payload = '', signature = ''] = (seen?.form.get(name) ?? '').split('.')
      return [payload.slice(0, 20), signature.slice(0, 20)]
    })
    return [
      TOKEN,
      CLIENT_SECRET,
      encodeURIComponent(CLIENT_SECRET),
      PASSWORD,
      PARAMETER,
      HEADER,
      CLAIM,
      PASSPHRASE,
      ...PEM.split('\n').slice(1, -2),
      (seen?.headers.authorization ?? '').replace('Basic ', '').slice(0, 16),
      ...assertions
    ].filter((text) => text !== '')
  }

  function assertSilent(value: unknown, seen: SeenRequest | undefined): void {
    const shown = [
      inspect(value, { depth: Infinity, showHidden: true, getters: true }),
      JSON.stringify(value),
      String(value)
    ]
    for (let at = value; at instanceof Error; at = at.cause) {
      shown.push(at.message, at.stack ?? '', JSON.stringify(at, Object.getOwnPropertyNames(at)))
    }
    for (const text of forbidden(seen)) {
      assert.ok(!shown.join('\n').includes(text), `shows ${text} in ${shown[0] ?? ''}`)
    }
  }

  for (const [method, given] of Object.entries(METHODS)) {
    for (const [fault, answer] of Object.entries(FAULTS)) {
      it(`reveals no secret: ${method}, ${fault}`, async () => {
        server.answer = answer
        const warnings: string[] = []
        const source = new TokenSource(settings(given), {
          httpClient,
          onWarning: (warning) => warnings.push(warning)
        })
        const error: unknown = await source.token().then(
          () => assert.fail('There should be no token.'),
          (reason: unknown) => reason
        )
        assert.ok(error instanceof TokenError, inspect(error))
        assert.notEqual(error.hint, '')
        const seen = server.seen.at(-1)
        assertSilent(error, seen)
        assertSilent(warnings, seen)
        assertSilent(source.status, seen)
        assertSilent(await source.token().catch((again: unknown) => again), seen)
        source.close()
      })
    }
  }

  it('reveals no secret in the result of the Test button', async () => {
    for (const answer of Object.values(FAULTS)) {
      server.answer = answer
      const result = await testToken(settings(METHODS['post'] ?? {}), httpClient)
      assert.equal(result.ok, false)
      assertSilent(result, server.seen.at(-1))
    }
    server.answer = json({ access_token: TOKEN, token_type: 'Bearer' })
    assertSilent(await testToken(settings({}), httpClient), server.seen.at(-1))
  })

  it('reveals no secret if the HL7 server refuses the token', async () => {
    server.answer = json({ access_token: TOKEN, token_type: 'Bearer' })
    const source = new TokenSource(settings({}), { httpClient })
    const token = await source.token()
    assertSilent(await source.refused(token).catch((error: unknown) => error), undefined)
    assertSilent(source, undefined)
    source.close()
  })

  it('reveals no secret if the settings are wrong', async () => {
    for (const more of [
      { privateKeyPassphrase: 'wrong sesame' },
      { privateKey: PEM.slice(0, 200), clientAuth: 'private_key_jwt' },
      { privateKey: CLIENT_SECRET, clientAuth: 'private_key_jwt' },
      { signingAlg: 'RS256' },
      { tokenEndpoint: `https://user:${PASSWORD}@token.example/` },
      { tokenEndpoint: `http://token.example/?${PASSWORD}` }
    ] satisfies Partial<TokenSettings>[]) {
      const source = new TokenSource(settings(more), { httpClient })
      const error: unknown = await source.token().catch((reason: unknown) => reason)
      assert.ok(error instanceof TokenError)
      assert.equal(error.code, 'CONFIG')
      assert.equal(error.permanent, true)
      assertSilent(error, undefined)
    }
  })
})

describe('TokenError', () => {
  it('has its own name, and shows as its code or, without one, as the HTTP status', () => {
    assert.equal(configError('Fill in Client ID.').name, 'TokenError')
    assert.equal(shownCode({ code: 'invalid_client', status: 401 }), 'invalid_client')
    assert.equal(shownCode({ code: 'ERR_HTTP_STATUS', status: 403 }), 'HTTP 403')
    assert.equal(shownCode({ code: 'ERR_HTTP_STATUS' }), 'ERR_HTTP_STATUS')
    assert.equal(shownCode({ code: 'ECONNREFUSED' }), 'ECONNREFUSED')
  })
})
