import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { TokenError } from '../../src/oauth2/token-error.ts'
import { TokenSource } from '../../src/oauth2/token-source.ts'
import {
  startTokenFaultServer,
  type SeenRequest,
  type TokenFaultServer
} from '../support/token-fault-server.ts'
import { tokenHttpClient, tokenSettings } from '../support/token-settings.ts'

/** A sentence as Microsoft Entra ID ends it, and Spring's, with ids that support asks for. */
const SENTENCE =
  'Invalid client secret provided for this client. Trace ID: 7f0c8f4e-4a5b-4c8e-9a77-0d9f0e6f1b00, traceparent 0af7651916cd43dd8448eb211c80319c'

describe('what a token server says is quoted', () => {
  let server: TokenFaultServer
  const httpClient = tokenHttpClient()
  before(async () => {
    server = await startTokenFaultServer((_request, response) => response.end())
  })
  after(async () => {
    httpClient.close()
    await server.close()
  })

  async function described(
    clientSecret: string,
    says: (request: SeenRequest) => string,
    clientAuth: 'client_secret_post' | 'client_secret_basic'
  ): Promise<string | undefined> {
    server.answer = (request, response) => {
      response.statusCode = 401
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ error: 'invalid_client', error_description: says(request) }))
    }
    const settings = tokenSettings({
      tokenEndpoint: `${server.origin}/token`,
      clientSecret,
      clientAuth
    })
    const source = new TokenSource(settings, { httpClient })
    const error: unknown = await source.token().catch((reason: unknown) => reason)
    source.close()
    assert.ok(error instanceof TokenError)
    return error.description
  }

  for (const secret of [
    'x',
    'k9',
    '§1!',
    '42',
    'my-client-secret',
    'correct horse battery',
    'Pa$$ wörd+/=&"<>'
  ]) {
    it(`word for word, but without the secret ${secret}`, async () => {
      for (const clientAuth of ['client_secret_post', 'client_secret_basic'] as const) {
        assert.equal(await described(secret, () => SENTENCE, clientAuth), SENTENCE)
        const echo = await described(
          secret,
          ({ form, headers }) =>
            `Bad: ${secret}; form ${form.get('client_secret') ?? '-'}; header ${headers.authorization ?? '-'}`,
          clientAuth
        )
        assert.equal(
          echo,
          clientAuth === 'client_secret_post'
            ? 'Bad: •••; form •••; header -'
            : 'Bad: •••; form -; header Basic •••'
        )
      }
    })
  }

  for (const secret of ['secret', 'password', 'client']) {
    it(`without the secret "${secret}", an ordinary word, where that stands alone`, async () => {
      const says = (): string => `The ${secret} of clients_x in ${secret}s and unclient`
      assert.equal(
        await described(secret, says, 'client_secret_post'),
        `The ••• of clients_x in ${secret}s and unclient`
      )
    })
  }

  it('without the assertion, whatever its header looks like', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'redaction-'))
    const part = (text: string): string => Buffer.from(text).toString('base64url')
    // Not "eyJ…": the header is written with line ends.
    const assertion = `${part('{\n  "alg": "RS256"\n}')}.${part('{"sub":"pod"}')}.c2lnbmF0dXJl`
    await writeFile(join(folder, 'token'), assertion)
    server.answer = (request, response) => {
      response.statusCode = 401
      response.end(
        JSON.stringify({
          error: 'invalid_client',
          error_description: `no ${request.form.get('client_assertion') ?? ''}`
        })
      )
    }
    const settings = tokenSettings({
      tokenEndpoint: `${server.origin}/token`,
      clientAuth: 'client_assertion_file',
      assertionFile: join(folder, 'token')
    })
    const source = new TokenSource(settings, { httpClient })
    const error: unknown = await source.token().catch((reason: unknown) => reason)
    source.close()
    await rm(folder, { recursive: true })
    assert.ok(error instanceof TokenError)
    assert.equal(error.description, 'no •••')
  })

  it('before it is cut: no part of a secret is left at the end', async () => {
    const secret = 'Winter-2026-in-Uppsala'
    const text = await described(secret, () => `${'x'.repeat(290)} ${secret}`, 'client_secret_post')
    assert.equal(text, `${'x'.repeat(290)} •••`)
  })
})
