/** An OAuth 2.0 authorization server on this machine: oidc-provider over HTTPS. */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { exportJWK, generateKeyPair } from 'jose'
import { Provider } from 'oidc-provider'
import type { Certificate } from './certificates.ts'
import { close, listen } from './loopback.ts'

export interface AuthorizationServerOptions {
  /** The server's certificate, for 127.0.0.1. */
  tls: Certificate
  /** The one client. Its secret is taken with HTTP Basic and in the form (RFC 6749 §2.3.1). */
  clientId: string
  clientSecret: string
  /** `aud` of the tokens: who they are for. A URI (RFC 8707). */
  audience: string
  /** The scope that the client may ask for. */
  scope: string
  /** Seconds that a token lives. Default 300. */
  tokenLifetime?: number
}

export interface AuthorizationServer {
  /** The issuer URL; discovery is below it. */
  issuer: string
  /** Requests to the token endpoint so far, whatever came of them. */
  tokenRequests: number
  /** Stands before the provider: answers a request itself, or has it answered with `usual`. */
  intercept:
    ((request: IncomingMessage, response: ServerResponse, usual: () => void) => void) | undefined
  close(): Promise<void>
}

/**
 * Starts an authorization server on 127.0.0.1 and a free port. It knows the client credentials
 * grant only and issues JWT access tokens (RFC 9068), signed with a key made at start.
 */
export async function startAuthorizationServer(
  options: AuthorizationServerOptions
): Promise<AuthorizationServer> {
  // The port is part of the issuer, so it has to be known first.
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

async function createProvider(
  issuer: string,
  options: AuthorizationServerOptions
): Promise<Provider> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  const signingKey = { ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig', kid: 'demo' }
  const lifetime = options.tokenLifetime ?? 300
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
        getResourceServerInfo: () => ({
          audience: options.audience,
          scope: options.scope,
          accessTokenFormat: 'jwt',
          accessTokenTTL: lifetime,
          jwt: { sign: { alg: 'RS256' } }
        })
      }
    },
    jwks: { keys: [signingKey] },
    scopes: options.scope.split(' '),
    ttl: { ClientCredentials: lifetime }
  })
}

/** A JWT access token is not looked up again, so nothing has to be kept. */
class MemoryAdapter {
  upsert(): Promise<void> {
    return Promise.resolve()
  }
  find(): Promise<undefined> {
    return Promise.resolve(undefined)
  }
}
