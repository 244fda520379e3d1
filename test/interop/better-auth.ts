/**
 * A token server made with better-auth and its OAuth provider, as the documentation describes; a
 * receiver at /hl7 too, which only accepts its own tokens. package.json has exact versions, because
 * the provider needs a better-auth of the same version.
 */
import { getOAuthProviderApi, oauthProvider } from '@better-auth/oauth-provider'
import { betterAuth, type BetterAuthPlugin } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { toNodeHandler } from 'better-auth/node'
import { jwt } from 'better-auth/plugins/jwt'
import { createHash, createPublicKey, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { DatabaseSync } from 'node:sqlite'
import { acknowledge } from '../../demo/acknowledge.ts'
import { close, listen } from '../../demo/loopback.ts'
import type { Client, Received, TokenServer } from './token-server.ts'

export interface BetterAuthServer extends TokenServer {
  /** Its clients can no longer get tokens, and no token of them is accepted. */
  deleteClient(id: string): Promise<void>
}

const SCOPE = 'hl7:write'
/** Tokens for it are JWTs; without a resource, they are opaque. */
export const RESOURCE = 'https://hl7.example/api'

/**
 * Starts it on 127.0.0.1.
 *
 * @param lifetime of a token, in seconds
 */
export async function startBetterAuth(
  clients: readonly Client[],
  lifetime: number
): Promise<BetterAuthServer> {
  // Its issuer contains the port, so the server must listen first.
  const server = createServer()
  const port = await listen(server)
  const origin = `http://127.0.0.1:${port}`
  const options = {
    loginPage: '/login',
    consentPage: '/consent',
    scopes: ['openid', SCOPE],
    resources: [RESOURCE],
    enforcePerClientResources: false,
    m2mAccessTokenExpiresIn: lifetime
  }
  const auth = betterAuth({
    baseURL: origin,
    secret: randomBytes(32).toString('hex'),
    database: new DatabaseSync(':memory:'),
    logger: { disabled: true },
    // More than 20 token requests a minute come from these tests.
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    // The cast: its type does not allow for exactOptionalPropertyTypes.
    plugins: [jwt(), oauthProvider(options) as BetterAuthPlugin]
  })
  await (await getMigrations(auth.options)).runMigrations()
  const context = await auth.$context
  for (const client of clients) {
    await context.adapter.create({ model: 'oauthClient', data: stored(client) })
  }

  const seen: Received[] = []
  const provider = getOAuthProviderApi({ context } as never, options)
  /** What an API does with a token that it got. */
  const isAccepted = async (token: string): Promise<boolean> => {
    try {
      return (await provider.requireActiveAccessToken(token))['scope'] === SCOPE
    } catch {
      return false
    }
  }
  const authHandler = toNodeHandler(auth)
  server.on('request', (request, response) => {
    if (request.url !== '/hl7') {
      void authHandler(request, response)
      return
    }
    void text(request).then(async (message) => {
      const token = request.headers.authorization?.replace('Bearer ', '') ?? ''
      const status = (await isAccepted(token)) ? 200 : 401
      seen.push({ token, status })
      response.writeHead(status, { 'content-type': 'application/hl7-v2' })
      response.end(status === 200 ? acknowledge(message, new Date())?.text : undefined)
    })
  })
  const issuer = `${origin}/api/auth`
  return {
    ...{ port, issuer },
    seen: () => Promise.resolve(seen),
    tokenUrl: `${issuer}/oauth2/token`,
    revocationUrl: `${issuer}/oauth2/revoke`,
    hl7Url: `${origin}/hl7`,
    async deleteClient(id) {
      const where = [{ field: 'clientId', value: id }]
      for (const model of ['oauthAccessToken', 'oauthClient']) {
        await context.adapter.deleteMany({ model, where })
      }
    },
    stop: () => close(server)
  }
}

/** As its administrator's endpoint stores a client, which lets nobody choose the secret. */
function stored({ id, method, secret, key, dpop = false }: Client): Record<string, unknown> {
  const hash = secret && createHash('sha256').update(secret).digest('base64url')
  const jwk = key && createPublicKey(key).export({ format: 'jwk' })
  return {
    clientId: id,
    clientSecret: hash,
    jwks: jwk && JSON.stringify({ keys: [jwk] }),
    tokenEndpointAuthMethod: method,
    dpopBoundAccessTokens: dpop,
    grantTypes: ['client_credentials'],
    clientCredentialsScopes: [SCOPE],
    redirectUris: []
  }
}
