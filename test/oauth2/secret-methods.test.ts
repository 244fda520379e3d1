import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { systemClock } from '../../src/clock.ts'
import { TokenClient } from '../../src/oauth2/token-client.ts'
import { testToken } from '../../src/oauth2/token-test.ts'
import type { ClientAuthMethod, TokenSettings } from '../../src/oauth2/token-settings.ts'
import { json, type Fault, type SeenRequest } from '../support/token-fault-server.ts'
import { granted, tokenTest, withMetadata } from '../support/token-test.ts'

const ID = 'integration-engine'

/** How a token server takes the secret: RFC 6749 §2.3.1 wants Basic decoded, and many do not do it. */
type Kind = 'decodes' | 'does not decode' | 'Post only' | 'Basic only'

/** A token server of that kind, which knows one secret. */
function serverOf(kind: Kind, secret: string): Fault {
  const decode = (text: string): string =>
    kind === 'does not decode' ? text : decodeURIComponent(text.replaceAll('+', ' '))
  const isRight = ({ headers, form }: SeenRequest): boolean => {
    const [, basic] = /^Basic (.*)$/.exec(headers.authorization ?? '') ?? []
    if (basic === undefined) return kind !== 'Basic only' && form.get('client_secret') === secret
    const [, sent = ''] = /^[^:]*:(.*)$/.exec(Buffer.from(basic, 'base64').toString()) ?? []
    return kind !== 'Post only' && decode(sent) === secret
  }
  return (request, response) => {
    const answer = isRight(request) ? granted : json({ error: 'invalid_client' }, 401)
    answer(request, response)
  }
}

describe('Automatic with a secret', () => {
  const test = tokenTest()
  const BOTH = ['client_secret_basic', 'client_secret_post']
  const PLAIN = 'Pa55-w0rd/with=most*of(the)!punctuation'
  const CHANGED = '100%+& more'

  for (const [kind, secret, listed, method] of [
    ['decodes', CHANGED, BOTH, 'client_secret_post'],
    ['does not decode', CHANGED, BOTH, 'client_secret_post'],
    ['decodes', PLAIN, BOTH, 'client_secret_basic'],
    ['does not decode', PLAIN, BOTH, 'client_secret_basic'],
    ['Post only', PLAIN, ['client_secret_post'], 'client_secret_post'],
    ['decodes', CHANGED, ['client_secret_basic'], 'client_secret_basic'],
    ['decodes', CHANGED, [], 'client_secret_basic'],
    ['decodes', CHANGED, undefined, 'client_secret_basic']
  ] satisfies [Kind, string, string[] | undefined, ClientAuthMethod][]) {
    it(`gets a token by ${method}: a server that ${kind}, "${secret}", listed ${listed?.join() ?? 'nothing'}`, async () => {
      const metadata = { token_endpoint_auth_methods_supported: listed }
      const answer = withMetadata(metadata, serverOf(kind, secret))
      const given = { tokenEndpoint: '', issuer: test.server.origin, clientSecret: secret }
      const { got, requests } = await test.ask(answer, given)
      assert.equal(got?.clientAuth, method)
      assert.equal(requests.length, 2, 'discovery, and one login')
    })
  }

  it('sends no secret to a server that lists neither way, and names what it lists', async () => {
    const metadata = { token_endpoint_auth_methods_supported: ['private_key_jwt', 'x y', 'other'] }
    const given = { tokenEndpoint: '', issuer: test.server.origin, clientSecret: PLAIN }
    const { error, requests } = await test.ask(withMetadata(metadata, granted), given)
    assert.equal(requests.length, 1, 'discovery alone')
    const { host } = new URL(test.server.origin)
    assert.equal(
      `${error?.code ?? ''}: ${error?.text ?? ''} ${error?.hint ?? ''}`,
      `CONFIG: The token server ${host} takes a client secret neither in the header (Basic) nor in the form (Post). Choose in Authentication one that it lists: private_key_jwt, other.`
    )
    assert.equal(error?.permanent, true)
  })

  it('asks about a client ID with such characters too', async () => {
    const answer = withMetadata({ token_endpoint_auth_methods_supported: BOTH })
    const at = { tokenEndpoint: '', issuer: test.server.origin }
    for (const [clientId, method] of [
      ['client-7.example/x', 'client_secret_basic'],
      ['https://client.example/x', 'client_secret_post'],
      ['client 7', 'client_secret_post']
    ]) {
      const { got } = await test.ask(answer, { ...at, clientId: clientId ?? '' })
      assert.equal(got?.clientAuth, method)
    }
  })
})

describe('a server that names the method when it refuses another', () => {
  const test = tokenTest()
  const BASIC = 'client_secret_basic'
  const POST = 'client_secret_post'
  const listed = { token_endpoint_auth_methods_supported: [POST, BASIC, 'none', 'private_key_jwt'] }
  const settings = { tokenEndpoint: '', clientSecret: '100%+& more' }

  /** Ory Hydra 2.3, for a client that is registered for this method. */
  function hydra(method: string, isRight = true): Fault {
    return withMetadata(listed, (request, response) => {
      const sent = request.headers.authorization === undefined ? POST : BASIC
      const words = `Client authentication failed (e.g., unknown client, no client authentication included, or unsupported authentication method). The OAuth 2.0 Client supports client authentication method '${method}', but method '${sent}' was requested. You must configure the OAuth 2.0 client's 'token_endpoint_auth_method' value to accept '${sent}'.`
      const refusal = { error: 'invalid_client', error_description: sent === method ? 'No' : words }
      const answer = sent === method && isRight ? granted : json(refusal, 401)
      answer(request, response)
    })
  }

  it('is believed at once, and from then on', async () => {
    const given = test.settings({ ...settings, issuer: test.server.origin })
    const client = new TokenClient(given, test.httpClient, systemClock)
    const { signal } = new AbortController()
    test.server.answer = hydra(BASIC)
    const basics = (): boolean[] =>
      test.server.seen
        .filter(({ url }) => url === '/token')
        .map(({ headers }) => headers.authorization !== undefined)
    await client.obtain(signal)
    assert.deepEqual(basics(), [false, true])
    await client.obtain(signal)
    assert.deepEqual(basics(), [false, true, true])
    // It may be registered for the other one later.
    test.server.answer = hydra(POST)
    await client.obtain(signal)
    assert.deepEqual(basics(), [false, true, true, true, false])
  })

  it('is asked once more, and no further', async () => {
    const given = { ...settings, issuer: test.server.origin }
    const { requests } = await test.ask(hydra(BASIC, false), given)
    assert.equal(requests.length, 3, 'discovery, and two logins')
    const other = await test.ask(hydra('private_key_jwt'), given)
    assert.equal(other.requests.length, 2)
    const chosen = await test.ask(hydra(BASIC), { ...given, clientAuth: POST })
    assert.deepEqual([chosen.requests.length, chosen.error?.code], [2, 'invalid_client'])
  })

  it('has Test say which one it is', async () => {
    test.server.answer = hydra(BASIC)
    const result = await testToken(
      test.settings({ ...settings, issuer: test.server.origin }),
      test.httpClient
    )
    assert.deepEqual([result.ok, result.ok && result.clientAuth], [true, BASIC])
  })
})

describe('the Test button, if Automatic had to guess how the secret is sent', () => {
  const test = tokenTest()
  const secret = '100%+& more'
  const press = (
    answer: Fault,
    given: Partial<TokenSettings> = {}
  ): ReturnType<typeof testToken> => {
    test.server.answer = answer
    test.server.seen = []
    return testToken(
      test.settings({ clientId: ID, clientSecret: secret, ...given }),
      test.httpClient
    )
  }

  for (const [kind, given] of [
    ['does not decode', {}],
    ['Post only', {}],
    ['Post only', { tokenEndpoint: '' }]
  ] satisfies [Kind, Partial<TokenSettings>][]) {
    it(`tries the other way, and says that it works: ${kind}, ${JSON.stringify(given)}`, async () => {
      const answer = withMetadata({}, serverOf(kind, secret))
      const result = await press(answer, { ...given, issuer: test.server.origin })
      assert.ok(!result.ok)
      assert.deepEqual([result.code, result.status], ['invalid_client', 401])
      assert.deepEqual(result.hints, [
        { key: 'otherMethodWorks', values: { method: 'client_secret_post' } }
      ])
      assert.equal(
        result.hint,
        'The token server accepts the secret in another way: choose "Client secret: in the form (Post)" in Authentication.'
      )
    })
  }

  it('says what was refused if the other way does not work either', async () => {
    const result = await press(serverOf('decodes', 'another secret'))
    assert.ok(!result.ok)
    assert.deepEqual(
      result.hints.map(({ key }) => key),
      ['clientBasic', 'inUse']
    )
    assert.equal(test.server.seen.length, 2)
  })

  it('tries nothing else if the method was chosen or listed, or if something else is wrong', async () => {
    const listed = { token_endpoint_auth_methods_supported: ['client_secret_basic'] }
    const wrong = serverOf('Post only', secret)
    const at = { tokenEndpoint: '', issuer: test.server.origin }
    for (const [answer, given, requests] of [
      [wrong, { clientAuth: 'client_secret_basic' }, 1],
      [withMetadata(listed, wrong), at, 2],
      [json({}, 503), {}, 1]
    ] satisfies [Fault, Partial<TokenSettings>, number][]) {
      const result = await press(answer, given)
      assert.ok(!result.ok)
      assert.equal(test.server.seen.length, requests)
    }
  })

  it('is content with Basic where that works', async () => {
    const result = await press(serverOf('Basic only', secret))
    assert.ok(result.ok)
    assert.equal(result.clientAuth, 'client_secret_basic')
    assert.equal(test.server.seen.length, 1)
  })
})
