import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:https'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { close, listen } from '../../demo/loopback.ts'
import type { GotClient } from '../../src/http-client/got-client.ts'
import {
  HttpError,
  type HttpErrorFacts,
  type HttpErrorFamily
} from '../../src/http-client/http-error.ts'
import type { HttpClientSettings } from '../../src/http-client/http-message.ts'
import type { Hint } from '../../src/oauth2/hint.ts'
import { translateError } from '../../src/oauth2/network-error.ts'
import { configError, type TokenError } from '../../src/oauth2/token-error.ts'
import {
  createAuthority,
  issueExpired,
  issueNotYetValid,
  issueWrongName,
  selfSignedCertificate,
  type Authority,
  type Certificate
} from '../support/certificates.ts'
import { startTcpServer } from '../http-client/local-server.ts'
import { startConnectProxy } from '../support/connect-proxy.ts'
import { json, startTokenFaultServer, text, type Fault } from '../support/token-fault-server.ts'
import { RECEIVER, tokenHttpClient, tokenSettings } from '../support/token-settings.ts'
import { granted, tokenTest } from '../support/token-test.ts'

type Key = Hint['key']
type Family = HttpErrorFamily | undefined

const CERTIFICATE_REQUIRED = 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'

describe('a token server that sends no complete answer', () => {
  const test = tokenTest()

  /** Begins an answer, and hangs up. */
  const begun = (headers: Record<string, string>, status = 200): Fault => {
    return (_request, response) => {
      response.writeHead(status, headers)
      response.write('{"access_token":"half', () => response.destroy())
    }
  }
  const reset: Fault = (_request, response) => response.destroy()
  const notGzip = text('not gzip', 'application/json', 200, { 'content-encoding': 'gzip' })
  const large = 'x'.repeat(2 << 20)
  const wait = { 'retry-after': '300' }
  const brokenWait = text('x', 'text/html', 503, { ...wait, 'content-encoding': 'br' })

  const cut = ['ECONNRESET', 'reset', 'broken'] as const
  const tooLarge = ['ERR_RESPONSE_TOO_LARGE', undefined, 'notTokenServer'] as const
  const notDecoded = ['ERR_CONTENT_DECODING', undefined, 'notTokenServer'] as const
  for (const [does, answer, [code, family, hint], status, waitMs] of [
    ['hangs up', reset, ['ECONNRESET', 'reset', 'tryHttps']],
    ['hangs up in the middle', begun({}), cut, 200],
    ['announces more than it sends', begun({ 'content-length': '500' }), cut, 200],
    ['sends 2 MB', json({ large }), tooLarge, 200],
    ['says gzip and sends something else', notGzip, notDecoded, 200],
    ['asks for a wait, too large', text(large, 'text/html', 429, wait), tooLarge, 429, 300_000],
    ['asks for a wait, broken', brokenWait, notDecoded, 503, 300_000],
    ['asks for a wait, cut', begun({ ...wait, 'content-length': '500' }, 503), cut, 503, 300_000]
  ] satisfies [string, Fault, readonly [string, Family, Key], number?, number?][]) {
    it(`${does}: ${code}, and nothing is repeated at once`, async () => {
      const { error, requests } = await test.ask(answer)
      assert.deepEqual([error?.code, error?.family, error?.status], [code, family, status])
      assert.deepEqual([error?.permanent, error?.retryAfterMs], [false, waitMs])
      assert.equal(error?.hints[0]?.key, hint)
      assert.equal(requests.length, 1)
    })
  }

  it('compresses its answer, which is read', async () => {
    const body = gzipSync(JSON.stringify({ access_token: 'a-token-in-good-order' }))
    const headers = { 'content-encoding': 'gzip' }
    const { got } = await test.ask(text(body, 'application/json', 200, headers))
    assert.equal(got?.accessToken, 'a-token-in-good-order')
  })

  const nothing: Fault = () => undefined
  const half: Fault = (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.write('{"access_token":')
  }
  for (const [when, answer] of [
    ['before the answer', nothing],
    ['in the middle of it', half]
  ] as const) {
    it(`hangs ${when}: a caller can give up, and the node can close`, async () => {
      const source = test.source()
      const arrived = new Promise<void>((resolve) => {
        test.server.answer = (request, response) => {
          answer(request, response)
          resolve()
        }
      })
      const caller = new AbortController()
      const given = assert.rejects(source.forReceiver(RECEIVER).token(caller.signal), {
        code: 'ERR_ABORTED'
      })
      const waiting = assert.rejects(source.forReceiver(RECEIVER).token(), { code: 'ERR_ABORTED' })
      await arrived
      caller.abort()
      await given
      source.close()
      await waiting
      await assert.rejects(source.forReceiver(RECEIVER).token(), { code: 'ERR_ABORTED' })
      assert.equal(test.server.seen.length, 1)
    })
  }

  it('hangs: there is a limit of 15 s', async (t) => {
    const asked = t.mock.method(test.httpClient, 'request')
    await test.ask(granted)
    assert.equal(asked.mock.calls[0]?.arguments[0].responseTimeoutMs, 15_000)
  })

  it('does not keep the process alive once it is closed', { timeout: 20_000 }, async () => {
    test.server.answer = nothing
    const settings = tokenSettings({ issuer: test.server.origin, clientSecret: 'not-so-secret' })
    const script = `
      import { GotClient } from './src/http-client/got-client.ts'
      import { TokenSource } from './src/oauth2/token-source.ts'
      const httpClient = new GotClient({ connectTimeoutMs: 5000, maxResponseBytes: 1000 })
      const source = new TokenSource(${JSON.stringify(settings)}, { httpClient })
      const waiting = source.forReceiver('https://receiver.example').token().catch(({ code }) => console.log(code))
      setTimeout(() => { source.close(); httpClient.close() }, 300)
      await waiting`
    const options = ['--input-type=module', '--eval', script]
    const started = performance.now()
    const { stdout } = await promisify(execFile)(process.execPath, options)
    assert.equal(stdout, 'ERR_ABORTED\n')
    assert.ok(performance.now() - started < 10_000)
  })
})

describe('a token server that cannot be reached', () => {
  const test = tokenTest()
  let authority: Authority
  let own: Certificate
  const ending: (() => unknown)[] = []
  before(async () => {
    authority = await createAuthority('Test authority')
    own = await authority.issueServer()
  })
  after(async () => {
    for (const end of ending) await end()
  })

  /** A token URL at which a server has this certificate. */
  async function serve(tls: Certificate, more: object = {}): Promise<string> {
    const server = createServer({ ...tls, ...more }, (_request, response) => response.end())
    const port = await listen(server)
    ending.push(() => close(server))
    return `https://127.0.0.1:${port}/token`
  }
  const gone = async (protocol = 'http:'): Promise<string> => {
    const server = await startTokenFaultServer(granted)
    await server.close()
    return `${protocol}${server.origin.slice('http:'.length)}/token`
  }
  async function failure(
    tokenEndpoint: string,
    more: Partial<HttpClientSettings> = {}
  ): Promise<TokenError> {
    const httpClient = tokenHttpClient({ tls: { ca: authority.ca }, ...more })
    ending.push(() => {
      httpClient.close()
    })
    const source = test.source({ tokenEndpoint }, { httpClient })
    return source
      .forReceiver(RECEIVER)
      .token()
      .then(
        () => assert.fail('There should be no token.'),
        (error: unknown) => error as TokenError
      )
  }

  const noTls = (): string => `${test.server.origin.replace('http:', 'https:')}/token`
  const wantsTls = async (): Promise<string> => (await serve(own)).replace('https:', 'http:')
  const expired = async (): Promise<string> => serve(await issueExpired(authority))
  const notYet = async (): Promise<string> => serve(await issueNotYetValid(authority))
  const otherHost = async (): Promise<string> => serve(await issueWrongName(authority))
  const selfSigned = async (): Promise<string> => serve(await selfSignedCertificate())
  const untrusted = async (): Promise<string> =>
    serve(await (await createAuthority('Somebody Else')).issueServer())
  const strict = (): Promise<string> => serve(own, { requestCert: true, ca: authority.ca })

  for (const [what, at, code, family, hint, permanent] of [
    ['nothing is listening', gone, 'ECONNREFUSED', 'connect', 'notRunning', false],
    ['unknown name', () => 'https://token.invalid/', /^E/, 'connect', 'hostName', false],
    ['no TLS', noTls, 'EPROTO', 'tls', 'tlsFailed', false],
    ['TLS where http: is asked for', wantsTls, /^E|^HPE/, 'reset', 'tryHttps', false],
    ['expired', expired, 'CERT_HAS_EXPIRED', 'tls', 'certificateDate', true],
    ['not valid yet', notYet, 'CERT_NOT_YET_VALID', 'tls', 'certificateDate', true],
    ['another host', otherHost, 'ERR_TLS_CERT_ALTNAME_INVALID', 'tls', 'otherHost', true],
    ['self-signed', selfSigned, 'DEPTH_ZERO_SELF_SIGNED_CERT', 'tls', 'untrustedBy', true],
    ['untrusted', untrusted, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls', 'untrustedBy', true],
    ['no client certificate', strict, CERTIFICATE_REQUIRED, 'tls', 'clientCertificate', true]
  ] satisfies [string, () => string | Promise<string>, string | RegExp, Family, Key, boolean][]) {
    it(`${what}: ${hint}`, async () => {
      const error = await failure(await at())
      if (typeof code === 'string') assert.equal(error.code, code)
      else assert.match(error.code, code)
      assert.deepEqual([error.family, error.hints[0]?.key], [family, hint])
      assert.equal(error.permanent, permanent)
    })
  }

  it('is behind a proxy, which is told as such', async () => {
    const open = await startConnectProxy()
    const strictProxy = await startConnectProxy('user:word')
    const down = await startConnectProxy()
    await down.close()
    ending.push(
      () => open.close(),
      () => strictProxy.close()
    )
    for (const [url, code, hint] of [
      [down.url, 'ECONNREFUSED', 'proxyDown'],
      [strictProxy.url, 'ERR_PROXY_TUNNEL', 'proxyRefused'],
      [open.url, 'ERR_PROXY_TUNNEL', 'beyondProxy']
    ]) {
      const error = await failure(await gone('https:'), { proxy: { url: url ?? '' } })
      assert.deepEqual([error.code, error.hints[0]?.key], [code, hint])
      assert.deepEqual([error.family, error.permanent], ['connect', false])
    }
  })

  it('names the authority that is not trusted', async () => {
    const { certificateIssuer, hint } = await failure(await untrusted())
    assert.equal(certificateIssuer, 'Somebody Else')
    assert.match(hint, /It was issued by "Somebody Else"\. Add the CA certificate/)
  })

  it('accepts connections and does not answer, because it hangs', async () => {
    const silent = await startTcpServer(() => undefined)
    const child = spawn(process.execPath, [
      '--eval',
      'const s = require("node:net").createServer().listen(0, "127.0.0.1", () => console.log(s.address().port))'
    ])
    ending.push(silent.close, () => child.kill('SIGKILL'))
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    child.kill('SIGSTOP')
    for (const at of [silent.url.port, String(line).trim()]) {
      const error = await failure(`https://127.0.0.1:${at}/token`, { connectTimeoutMs: 300 })
      assert.deepEqual([error.code, error.family], ['ETIMEDOUT', 'tls'])
      assert.equal(
        `${error.message} ${error.hint}`,
        `Token server 127.0.0.1:${at}: the TLS handshake was not finished within 0.3 s. The token server accepts connections but does not answer: ask its operator to check whether it hangs.`
      )
      assert.equal(error.permanent, false)
    }
  })

  it('is named once, with the field that led there', async () => {
    const tokenEndpoint = await gone()
    const [at, host] = [tokenEndpoint.replace('/token', ''), new URL(tokenEndpoint).host]
    for (const [given, field] of [
      [{ tokenEndpoint }, 'Token URL'],
      [{ tokenEndpoint, issuer: test.server.origin }, 'Token URL'],
      [{ tokenEndpoint: '', issuer: at }, 'Issuer URL'],
      // The metadata name it.
      [{ tokenEndpoint: '', issuer: test.server.origin }, 'Issuer URL']
    ] as const) {
      const metadata = json({ issuer: test.server.origin, token_endpoint: tokenEndpoint })
      const { message, hint } = await test.failure(metadata, given)
      const words = 'nothing is listening there (connection refused)'
      assert.equal(message, `Token server ${host}: ${words}.`)
      assert.equal(hint, `Check host and port in ${field}, and that the token server is running.`)
    }
  })
})

/** What no server here can cause. */
describe('a rare failure of the network', () => {
  const test = tokenTest()

  async function failed(facts: Partial<HttpErrorFacts> & { code: string }): Promise<TokenError> {
    const error = new HttpError('some words', { host: 'login.example', ...facts })
    const httpClient = { request: () => Promise.reject(error) } as unknown as GotClient
    const source = test.source({ tokenEndpoint: 'https://login.example/token' }, { httpClient })
    return source
      .forReceiver(RECEIVER)
      .token()
      .catch((reason: unknown) => reason) as Promise<TokenError>
  }

  for (const [code, family, hint, permanent] of [
    ['ENOTFOUND', 'connect', 'hostName', false],
    ['EAI_AGAIN', 'connect', 'hostName', false],
    ['EHOSTUNREACH', 'connect', 'unreachable', false],
    ['ETIMEDOUT', 'connect', 'unreachable', false],
    ['ETIMEDOUT', 'tls', 'mute', false],
    ['ETIMEDOUT', 'timeout', 'mute', false],
    ['EPROTO', 'tls', 'tlsFailed', false],
    ['EPROTO', undefined, 'tlsFailed', false],
    ['ECERT_X', 'tls', 'tlsFailed', false],
    ['X_CERT_', undefined, 'broken', false],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'tls', 'untrusted', true],
    ['INVALID_CA', 'tls', 'untrusted', true],
    ['HOSTNAME_MISMATCH', 'tls', 'untrusted', true],
    ['ERR_SSL_BAD_CERTIFICATE', undefined, 'tlsFailed', true]
  ] satisfies [string, Family, Key, boolean][]) {
    it(`${code}, ${family ?? 'no family'}: ${hint}`, async () => {
      const error = await failed({ code, family })
      assert.deepEqual([error.code, error.family], [code, family])
      assert.deepEqual([error.hints[0]?.key, error.permanent], [hint, permanent])
    })
  }

  it('is slow only if it has begun to answer', async () => {
    const { hints } = await failed({ code: 'ETIMEDOUT', family: 'timeout', answered: true })
    assert.deepEqual(hints, [{ key: 'slow' }])
  })

  it('at the proxy is no failure of the server, whatever it is', async () => {
    for (const code of ['ENOTFOUND', 'CERT_HAS_EXPIRED', 'ETIMEDOUT']) {
      const { hints } = await failed({ code, family: 'connect', atProxy: true })
      assert.deepEqual(hints, [{ key: 'proxyDown' }])
    }
  })

  it('names an authority on one line', async () => {
    const code = 'UNABLE_TO_GET_ISSUER_CERT'
    const { hint } = await failed({ code, family: 'tls', certificateIssuer: 'Test\u202e\r\nCA' })
    assert.match(hint, /It was issued by "Test CA"\./)
  })
})

describe('an error that openid-client or Node.js throws', () => {
  const place = { host: 'login.example', field: 'issuer', isPlain: false } as const

  it('hides none of ours, wherever it is', () => {
    const known = configError('Fill in Scope.')
    const wrapped = new Error('x', { cause: new Error('y', { cause: known }) })
    for (const error of [known, wrapped]) assert.equal(translateError(error, place), known)
    const circle = new Error('x')
    circle.cause = circle
    assert.equal(translateError(circle, place).code, 'EUNKNOWN')
  })

  for (const [thrown, code, words, hint] of [
    ['OAUTH_INVALID_SERVER_METADATA', 'same', /its metadata .* not a URL/, 'metadata'],
    ['OAUTH_REQUEST_PROTOCOL_FORBIDDEN', 'same', /its metadata .* not https:/, 'metadata'],
    ['OAUTH_INVALID_RESPONSE', 'same', /its metadata is not usable/, 'metadata'],
    ['ERR_OSSL_UNSUPPORTED', 'same', /not be made \(ERR_OSSL_UNSUPPORTED\)/, 'requestFailed'],
    ['secret words', 'EUNKNOWN', /not be made \(EUNKNOWN\)/, 'requestFailed'],
    [`E${'X'.repeat(61)}`, 'EUNKNOWN', /not be made \(EUNKNOWN\)/, 'requestFailed'],
    [7, 'EUNKNOWN', /not be made \(EUNKNOWN\)/, 'requestFailed']
  ] as const) {
    it(`is told by its code, and by nothing else in it: ${thrown}`, () => {
      const error = translateError(Object.assign(new Error('secret'), { code: thrown }), place)
      assert.equal(error.code, code === 'same' ? thrown : code)
      assert.match(error.message, words)
      assert.match(error.message, /^login\.example: /)
      assert.equal(error.hints[0]?.key, hint)
      assert.deepEqual([error.permanent, error.cause], [true, undefined])
    })
  }

  it('may be anything', () => {
    for (const thrown of ['secret', null]) {
      assert.equal(translateError(thrown, place).code, 'EUNKNOWN')
    }
  })
})
