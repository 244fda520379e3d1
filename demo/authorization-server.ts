/** An OAuth 2.0 authorization server on the local machine: oidc-provider over HTTPS. */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { exportJWK, generateKeyPair } from 'jose'
import { errors, Provider } from 'oidc-provider'
import type { Certificate } from './certificates.ts'
import { close, listen } from './loopback.ts'

export interface AuthorizationServerOptions {
  /** The server's certificate, for 127.0.0.1. */
  tls: Certificate
  /** The only client. Its secret may come with HTTP Basic or in the form (RFC 6749 §2.3.1). */
  clientId: string
  clientSecret: string
  /** The `aud` of the tokens, a URI (RFC 8707). */
  audience: string
  /** The scopes that the client may request, separated by spaces; with another one it gets no token. */
  scope: string
  /** Lifetime of a token in seconds. Default 300. */
  tokenLifetime?: number
}

export interface AuthorizationServer {
  /** The issuer URL, for discovery. */
  issuer: string
  /** Requests to the token endpoint so far, successful or not. */
  tokenRequests: number
  /** Called instead of the provider: answers a request itself, or calls `usual` to pass it on. */
  intercept:
    | ((request: IncomingMessage, response: ServerResponse, usual: () => void) => void)
    | undefined
  close(): Promise<void>
}

/**
 * Starts an authorization server on 127.0.0.1 and a free port. It supports only the client
 * credentials grant and issues JWT access tokens (RFC 9068) signed with a key that is created at start.
 */
export async function startAuthorizationServer(
  options: AuthorizationServerOptions
): Promise<AuthorizationServer> {
  // The issuer contains the port, so the server must listen first.
  const server = createServer(options.tls)
  const issuer = `https://127.0.0.1:${await listen(server)}`
  const handle = (await createProvider(issuer, options)).callback()

  const running: AuthorizationServer = {
    issuer,
    tokenRequests: 0,
    intercept: undefined,
    close: () => close(server)
  }
  server.on('request', (request, response) => {
    if (request.method === 'POST' && request.url?.startsWith('/token')) running.tokenRequests += 1
    const usual = () => {
      handle(request, response)
    }
    if (running.intercept) running.intercept(request, response, usual)
    else usual()
  })
  return running
}

/** What the provider tells about the request. */
interface TokenRequest {
  oidc: { params: { scope?: string } }
}

async function createProvider(
  issuer: string,
  options: AuthorizationServerOptions
): Promise<Provider> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  const signingKey = { ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig', kid: 'demo' }
  const lifetime = options.tokenLifetime ?? 300
  const scopes = options.scope.split(' ')
  return new Provider(issuer, {
    adapter: MemoryAdapter,
    clients: [
      {
        client_id: options.clientId,
        client_secret: options.clientSecret,
        token_endpoint_auth_method: 'client_secret_basic',
        grant_types: ['client_credentials'],
        response_types: [],
        redirect_uris: []
      }
    ],
    clientAuthMethods: ['client_secret_basic', 'client_secret_post'],
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => options.audience,
        getResourceServerInfo: ({ oidc }: TokenRequest) => {
          // The provider would ignore it.
          const unknown = oidc.params.scope?.split(' ').find((scope) => !scopes.includes(scope))
          if (unknown !== undefined) throw new errors.InvalidScope('unknown scope', unknown)
          return {
            audience: options.audience,
            scope: options.scope,
            accessTokenFormat: 'jwt',
            accessTokenTTL: lifetime,
            jwt: { sign: { alg: 'RS256' } }
          }
        }
      }
    },
    jwks: { keys: [signingKey] },
    scopes,
    ttl: { ClientCredentials: lifetime }
  })
}

/** JWT access tokens are never looked up, so nothing needs to be stored. */
class MemoryAdapter {
  upsert(): Promise<void> {
    return Promise.resolve()
  }
  find(): Promise<undefined> {
    return Promise.resolve(undefined)
  }
}
