import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import promises, { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { inspect } from 'node:util'
import { exportJWK, SignJWT } from 'jose'
import { readAssertionFile } from '../../src/oauth2/assertion-file.ts'
import { testToken } from '../../src/oauth2/token-client.ts'
import type { TokenTestResult } from '../../src/oauth2/token-test-result.ts'
import { TokenError } from '../../src/oauth2/token-error.ts'
import { TokenSource } from '../../src/oauth2/token-source.ts'
import type { TokenSettings } from '../../src/oauth2/token-settings.ts'
import { createAuthority, type Authority } from '../support/certificates.ts'
import { json, startTokenFaultServer } from '../support/token-fault-server.ts'
import { startTokenProvider, type TokenProvider } from '../support/token-provider.ts'
import { tokenHttpClient, tokenSettings } from '../support/token-settings.ts'

const NOW = Date.parse('2026-01-02T03:04:05Z')
const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
/** It has the form of a JWT, but no valid signature. */
const jwt = (payload: unknown, header: unknown = { alg: 'RS256' }): string =>
  `${part(header)}.${part(payload)}.c2lnbmF0dXJl`

describe('the file with an assertion', () => {
  let folder: string
  let path: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'assertion-'))
    path = join(folder, 'token')
  })
  after(() => rm(folder, { recursive: true }))

  it('holds a JWT, with or without line ends, a byte order mark, or an expiry', async () => {
    const later = jwt({ exp: NOW / 1000 + 1 })
    for (const text of [later, `${later}\n`, `\ufeff ${later}\r\n`]) {
      await writeFile(path, text)
      assert.equal(await readAssertionFile(path, NOW), later)
    }
    for (const exp of [undefined, 'soon', null]) {
      await writeFile(path, jwt({ exp }))
      assert.equal(await readAssertionFile(path, NOW), jwt({ exp }))
    }
  })

  async function refusal(at = path): Promise<TokenError> {
    const error: unknown = await readAssertionFile(at, NOW).then(
      () => assert.fail('There should be no assertion.'),
      (reason: unknown) => reason
    )
    assert.ok(error instanceof TokenError, inspect(error))
    assert.equal(error.code, 'ERR_ASSERTION_FILE')
    assert.equal(error.permanent, false)
    assert.match(error.hint, /Assertion file|writes the file/)
    return error
  }

  const noJwt = 'does not contain a signed JWT'
  for (const [text, words] of [
    [' \n\t', noJwt],
    ['hunter2-hunter2', noJwt],
    [`${part({ alg: 'RS256' })}.hunter2.c2ln`, noJwt],
    [`${part({ alg: 'none' })}.${part({ sub: 'hunter2' })}.`, noJwt],
    [jwt(['hunter2']), noJwt],
    [`{"token":"${jwt({ sub: 'hunter2' })}"}`, noJwt],
    [`${jwt({ sub: 'hunter2' })} hunter2`, noJwt],
    [jwt({ sub: 'hunter2', exp: NOW / 1000 }), 'contains a JWT that expired 0 s ago'],
    [jwt({ sub: 'hunter2', exp: NOW / 1000 - 61 }), 'contains a JWT that expired 61 s ago'],
    ['x'.repeat(65_537), 'is not a file of at most 64 KiB']
  ] as const) {
    it(`is refused if it ${words}: ${text.slice(0, 20)}`, async () => {
      await writeFile(path, text)
      const error = await refusal()
      assert.equal(error.message, `Assertion file: ${path} ${words}.`)
      assert.ok(!inspect(error, { showHidden: true, depth: 9 }).includes('hunter2'))
      assert.equal(error.cause, undefined)
    })
  }

  it('is refused if it is missing, a directory, a named pipe, a device or not readable', async () => {
    const pipe = join(folder, 'pipe')
    execFileSync('mkfifo', [pipe])
    for (const [at, words] of [
      [join(folder, 'none'), 'cannot be read (ENOENT).'],
      [folder, 'is not a file of at most 64 KiB.'],
      [pipe, 'is not a file of at most 64 KiB.'],
      ['/dev/zero', 'is not a file of at most 64 KiB.'],
      ['a\0b', 'cannot be read (ERR_INVALID_ARG_VALUE).']
    ] as const) {
      assert.ok((await refusal(at)).message.endsWith(words), at)
    }
    await writeFile(path, jwt({}))
    await chmod(path, 0)
    // The superuser may read everything.
    if (process.getuid?.() !== 0) assert.match((await refusal()).message, /EACCES/)
    await chmod(path, 0o600)
  })

  it('is waited for 5 s at most, as on a disk that does not answer', async (t) => {
    const stat = t.mock.method(promises, 'stat', () => new Promise(() => undefined))
    syncBuiltinESMExports()
    // The limit alone keeps no process alive.
    const alive = setInterval(() => undefined, 1000)
    const { message } = await refusal()
    clearInterval(alive)
    stat.mock.restore()
    syncBuiltinESMExports()
    assert.match(message, /could not be read within 5 s\.$/)
  })
})

describe('client_assertion_file', () => {
  const key = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const httpClients: { close: () => void }[] = []
  let authority: Authority
  let provider: TokenProvider
  let folder: string
  let path: string

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'assertion-'))
    path = join(folder, 'token')
    authority = await createAuthority('Test authority')
    provider = await startTokenProvider({
      tls: await authority.issueServer(),
      clients: [
        {
          client_id: 'workload',
          token_endpoint_auth_method: 'private_key_jwt',
          jwks: { keys: [{ ...(await exportJWK(key.publicKey)), kid: 'key-1' }] }
        }
      ]
    })
  })
  after(async () => {
    for (const httpClient of httpClients) httpClient.close()
    await provider.close()
    await rm(folder, { recursive: true })
  })

  /** What the kubelet does. */
  async function refreshFile(lifetime = 60): Promise<string> {
    const assertion = await new SignJWT({ jti: randomUUID() })
      .setProtectedHeader({ alg: 'RS256', kid: 'key-1' })
      .setIssuer('workload')
      .setSubject('workload')
      .setAudience(provider.issuer)
      .setIssuedAt()
      .setExpirationTime(Math.floor(Date.now() / 1000) + lifetime)
      .sign(key.privateKey)
    await writeFile(path, assertion)
    return assertion
  }

  function settings(given: Partial<TokenSettings> = {}): TokenSettings {
    return tokenSettings({
      issuer: provider.issuer,
      clientId: 'workload',
      clientAuth: 'client_assertion_file',
      assertionFile: path,
      ...given
    })
  }
  const client = (): ReturnType<typeof tokenHttpClient> => {
    const httpClient = tokenHttpClient({ tls: { ca: authority.ca } })
    httpClients.push(httpClient)
    return httpClient
  }

  it('gets tokens from oidc-provider, with the file as it is at each request', async () => {
    await refreshFile()
    const source = new TokenSource(settings(), { httpClient: client() })
    const first = await source.token()
    // oidc-provider accepts each assertion once only.
    await refreshFile()
    assert.notEqual(await source.refused(first), first)
    source.close()
  })

  it('sends no request while the file is unusable, and recovers', async () => {
    const test = (): Promise<TokenTestResult> => testToken(settings(), client())
    const before = provider.tokenRequests
    const assertion = await refreshFile(-1)
    const expired = await test()
    assert.ok(!expired.ok)
    assert.equal(expired.code, 'ERR_ASSERTION_FILE')
    assert.match(expired.description, /token contains a JWT that expired \d s ago\.$/)
    assert.match(expired.hint, /clock/)
    assert.ok(!JSON.stringify(expired).includes(assertion.slice(0, 20)))
    await rm(path)
    const missing = await test()
    assert.ok(!missing.ok)
    assert.match(missing.description, /ENOENT/)
    assert.equal(provider.tokenRequests, before)
    await refreshFile()
    const result = await test()
    assert.ok(result.ok, JSON.stringify(result))
    assert.equal(result.clientAuth, 'client_assertion_file')
  })

  it('sends client ID, type and assertion, and never shows it', async () => {
    const server = await startTokenFaultServer((request, response) => {
      const answer = json(
        { error: 'invalid_client', error_description: request.form.toString() },
        401
      )
      answer(request, response)
    })
    const assertion = await refreshFile()
    const tokenEndpoint = `${server.origin}/token`
    const result = await testToken(settings({ tokenEndpoint, clientSecret: 'unused' }), client())
    await server.close()
    assert.deepEqual(Object.fromEntries(server.seen[0]?.form ?? []), {
      grant_type: 'client_credentials',
      client_id: 'workload',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion
    })
    assert.equal(server.seen[0]?.headers.authorization, undefined)
    assert.ok(!result.ok)
    assert.match(
      result.hint,
      /trusts the issuer, subject and audience of the JWT in Assertion file/
    )
    for (const piece of assertion.split('.')) {
      assert.ok(!JSON.stringify(result).includes(piece.slice(0, 16)), result.description)
    }
  })

  it('needs a path', () => {
    const { configError } = new TokenSource(settings({ assertionFile: '' }), {
      httpClient: client()
    })
    assert.match(configError?.message ?? '', /^Fill in Assertion file: Authentication needs it\.$/)
  })
})
