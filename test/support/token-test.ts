import assert from 'node:assert/strict'
import { after, afterEach, before } from 'node:test'
import { systemClock, type Clock } from '../../src/clock.ts'
import type { GotClient } from '../../src/http-client/got-client.ts'
import { DpopProofs } from '../../src/oauth2/dpop-proofs.ts'
import { TokenClient, type ObtainedToken } from '../../src/oauth2/token-client.ts'
import { TokenError } from '../../src/oauth2/token-error.ts'
import type { StoredTokenSettings, TokenSettings } from '../../src/oauth2/token-settings.ts'
import { TokenSource, type TokenSourceParts } from '../../src/oauth2/token-source.ts'
import type { Secret } from '../../src/secret-file.ts'
import {
  json,
  startTokenFaultServer,
  type Fault,
  type SeenRequest,
  type TokenFaultServer
} from './token-fault-server.ts'
import { tokenHttpClient, tokenSettings } from './token-settings.ts'

/** What became of one request for a token. */
export interface Asked {
  got?: ObtainedToken
  error?: TokenError
  /** What the client tolerated, one sentence each. */
  quirks: string[]
  /** The requests that the token server saw. */
  requests: SeenRequest[]
}

/** A token server for the tests of one `describe`, and clients that ask it. */
export interface TokenTest {
  readonly server: TokenFaultServer
  readonly httpClient: GotClient
  /** For a client with a secret, unless a test says otherwise. */
  settings<Kept extends Secret = string>(given?: Partial<TokenSettings<Kept>>): TokenSettings<Kept>
  /** The tokens of a node with these settings, until the test ends. */
  source(given?: Partial<StoredTokenSettings>, parts?: Partial<TokenSourceParts>): TokenSource
  /** Asks once for a token, with the real client, without cache or back-off. */
  ask(answer: Fault, given?: Partial<StoredTokenSettings>, clock?: Clock): Promise<Asked>
  /** The same of a request that must fail. */
  failure(answer: Fault, given?: Partial<StoredTokenSettings>, clock?: Clock): Promise<TokenError>
  /** The same of a request that must get a token: what was sent for it. */
  sent(given?: Partial<StoredTokenSettings>, answer?: Fault): Promise<SeenRequest>
}

/** An ordinary answer. */
export const granted: Fault = json({
  access_token: 'a-token-in-good-order',
  token_type: 'Bearer',
  expires_in: 300
})

/** Answers with metadata that names this server's token endpoint, and to the token request as told. */
export function withMetadata(more: object, answer: Fault = granted): Fault {
  return (request, response) => {
    const origin = `http://${request.headers.host ?? ''}`
    const metadata = json({ issuer: origin, token_endpoint: `${origin}/token`, ...more })
    const page = request.url.includes('/.well-known/') ? metadata : answer
    page(request, response)
  }
}

/** Starts and ends a token server with the `describe` that calls this. */
export function tokenTest(): TokenTest {
  const httpClient = tokenHttpClient()
  let server: TokenFaultServer
  const sources: TokenSource[] = []
  before(async () => {
    server = await startTokenFaultServer(granted)
  })
  afterEach(() => {
    for (const source of sources.splice(0)) source.close()
    server.seen = []
    server.answer = granted
  })
  after(async () => {
    httpClient.close()
    await server.close()
  })

  const test: TokenTest = {
    get server() {
      return server
    },
    httpClient,
    settings: <Kept extends Secret>(given: Partial<TokenSettings<Kept>> = {}) =>
      tokenSettings<Kept>({
        tokenEndpoint: `${server.origin}/token`,
        clientSecret: 'not-so-secret' as Kept,
        ...given
      }),
    source(given, parts) {
      const source = new TokenSource(test.settings<Secret>(given), { httpClient, ...parts })
      sources.push(source)
      return source
    },
    async ask(answer, given, clock = systemClock) {
      server.answer = answer
      server.seen = []
      const settings = test.settings<Secret>(given)
      const quirks: string[] = []
      const client = new TokenClient(
        settings,
        httpClient,
        clock,
        (_host, quirk) => quirks.push(quirk),
        settings.dpop ? new DpopProofs() : undefined
      )
      const asked = await client.obtain(new AbortController().signal).then(
        (got) => ({ got }),
        (error: unknown) => {
          assert.ok(error instanceof TokenError)
          assert.doesNotMatch(error.hint, /__|undefined/)
          return { error }
        }
      )
      return { ...asked, quirks, requests: server.seen }
    },
    async failure(answer, given, clock) {
      const { error } = await test.ask(answer, given, clock)
      return error ?? assert.fail('There should be no token.')
    },
    async sent(given, answer = granted) {
      const { error, requests } = await test.ask(answer, given)
      assert.equal(error, undefined)
      return requests.at(-1) ?? assert.fail('Nothing was sent.')
    }
  }
  return test
}
