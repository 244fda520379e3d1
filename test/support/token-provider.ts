import { randomBytes } from 'node:crypto'
import { createServer } from 'node:https'
import { TLSSocket } from 'node:tls'
import type { IncomingMessage } from 'node:http'
import { exportJWK, generateKeyPair } from 'jose'
import * as oidc from 'oidc-provider'
import { close, listen } from '../../demo/loopback.ts'
import type { Certificate } from './certificates.ts'

/** The properties of a client (RFC 7591) that the tests need. */
export interface ProviderClient {
  client_id: string
  client_secret?: string
  token_endpoint_auth_method: string
  token_endpoint_auth_signing_alg?: string
  jwks?: { keys: object[] }
  tls_client_auth_subject_dn?: string
  tls_client_certificate_bound_access_tokens?: boolean
  dpop_bound_access_tokens?: boolean
}

export interface TokenProviderOptions {
  /** The server's certificate. */
  tls: Certificate
  /** The CA certificate for client certificates, in PEM format. Default: none are requested. */
  clientCa?: string
  clients: ProviderClient[]
  /** The known resource indicators and their scopes. Default: one API. */
  resources?: Record<string, string>
  /** Seconds. Default 300. */
  lifetime?: number
  /** Proofs of DPoP need a nonce of the provider. */
  wantsNonce?: boolean
}

export interface TokenProvider {
  issuer: string
  /** Requests to the token endpoint so far. */
  tokenRequests: number
  close(): Promise<void>
}

/** The API for which clients get tokens by default. */
const DEFAULT_RESOURCE = 'https://hl7.example/api'

interface Context {
  req: IncomingMessage
}

function peer({ req }: Context): TLSSocket | undefined {
  return req.socket instanceof TLSSocket ? req.socket : undefined
}

/** The algorithms that SMART Backend Services and others use to sign assertions. */
const ASSERTION_ALGORITHMS = ['HS256', 'RS256', 'RS384', 'PS256', 'ES256', 'ES384', 'EdDSA']

/** oidc-provider over HTTPS on 127.0.0.1: client credentials with every client authentication. */
export async function startTokenProvider(options: TokenProviderOptions): Promise<TokenProvider> {
  const server = createServer({
    ...options.tls,
    ...(options.clientCa === undefined
      ? undefined
      : { ca: options.clientCa, requestCert: true, rejectUnauthorized: false })
  })
  // The issuer contains the port, so the server must listen first.
  const issuer = `https://127.0.0.1:${await listen(server)}`
  const handle = (await createProvider(issuer, options)).callback()
  const provider: TokenProvider = {
    issuer,
    tokenRequests: 0,
    close: () => close(server)
  }
  server.on('request', (request, response) => {
    if (request.method === 'POST') provider.tokenRequests += 1
    handle(request, response)
  })
  return provider
}

async function createProvider(
  issuer: string,
  options: TokenProviderOptions
): Promise<oidc.Provider> {
  const lifetime = options.lifetime ?? 300
  const resources = options.resources ?? { [DEFAULT_RESOURCE]: 'hl7.send hl7.read' }
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  return new oidc.Provider(issuer, {
    adapter: MemoryAdapter,
    clients: options.clients.map((client) => ({
      grant_types: ['client_credentials'],
      response_types: [],
      redirect_uris: [],
      ...client
    })),
    clientAuthMethods: [
      'client_secret_basic',
      'client_secret_post',
      'client_secret_jwt',
      'private_key_jwt',
      'tls_client_auth',
      'none'
    ],
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    enabledJWA: { clientAuthSigningAlgValues: ASSERTION_ALGORITHMS },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      dPoP: {
        enabled: true,
        nonceSecret: randomBytes(32),
        requireNonce: () => options.wantsNonce === true
      },
      mTLS: {
        enabled: true,
        tlsClientAuth: true,
        certificateBoundAccessTokens: true,
        getCertificate: (context: Context) => peer(context)?.getPeerX509Certificate()?.toString(),
        certificateAuthorized: (context: Context) => peer(context)?.authorized === true,
        certificateSubjectMatches: (context: Context, _property: string, expected: string) =>
          peer(context)?.getPeerX509Certificate()?.subject === expected
      },
      resourceIndicators: {
        enabled: true,
        defaultResource: (_context: unknown, _client: unknown, oneOf?: string[]) =>
          oneOf?.[0] ?? Object.keys(resources)[0],
        getResourceServerInfo: (_context: unknown, resource: string) => {
          const scope = resources[resource]
          if (scope === undefined) throw new errors.InvalidTarget()
          return {
            audience: resource,
            scope,
            // A test can read its audience and scope.
            accessTokenFormat: 'jwt',
            accessTokenTTL: lifetime,
            jwt: { sign: { alg: 'RS256' } }
          }
        }
      }
    },
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig', kid: 'test' }] },
    scopes: [...new Set(Object.values(resources).flatMap((scopes) => scopes.split(' ')))],
    ttl: { ClientCredentials: lifetime }
  })
}

/** The demo declares only the provider. */
const { errors } = oidc as unknown as { errors: { InvalidTarget: new () => Error } }

/** Remembers assertions, so that they cannot be used again. */
class MemoryAdapter {
  static readonly #stored = new Map<string, unknown>()
  readonly #model: string

  constructor(model: string) {
    this.#model = model
  }

  upsert(id: string, payload: unknown): Promise<void> {
    MemoryAdapter.#stored.set(`${this.#model} ${id}`, payload)
    return Promise.resolve()
  }

  find(id: string): Promise<unknown> {
    return Promise.resolve(MemoryAdapter.#stored.get(`${this.#model} ${id}`))
  }
}
