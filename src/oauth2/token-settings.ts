import type { Secret } from '../secret-file.ts'

/** How a token is requested. */
export const GRANTS = ['client_credentials', 'jwt_bearer', 'password'] as const
export type GrantType = (typeof GRANTS)[number]

/** `grant_type` of each grant (RFC 6749 §4.4.2, §4.3.2, RFC 7523 §2.1). */
export const GRANT_TYPES: Readonly<Record<GrantType, string>> = {
  client_credentials: 'client_credentials',
  jwt_bearer: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
  password: 'password'
}

/** How the client proves who it is (RFC 6749 §2.3, RFC 7523 §2.2, RFC 8705 §2). */
export const CLIENT_AUTHS = [
  'auto',
  'client_secret_basic',
  'client_secret_basic_raw',
  'client_secret_post',
  'client_secret_jwt',
  'private_key_jwt',
  'tls_client_auth',
  'client_assertion_file',
  'none'
] as const
export type ClientAuth = (typeof CLIENT_AUTHS)[number]
/** The method in effect: `auto` resolved. */
export type ClientAuthMethod = Exclude<ClientAuth, 'auto'>

/** With which a client secret signs (RFC 7518 §3.1). */
export const SECRET_ALGORITHMS = ['HS256', 'HS384', 'HS512'] as const

/** `token_type` of the answer (RFC 6750, RFC 9449): how the token is used. */
export type TokenType = 'Bearer' | 'DPoP'

/** A parameter or header of the request. */
export interface Parameter<Kept extends Secret = string> {
  name: string
  value: Kept
}

/** A claim of an assertion. */
export interface AssertionClaim extends Parameter {
  /** The value is JSON text, not the string itself. */
  isJson: boolean
}

/**
 * The settings of an `oauth2-client-credentials` node, with environment variables and credentials
 * filled in. An empty string means "not given".
 */
export interface TokenSettings<Kept extends Secret = string> {
  /** Issuer URL, or a full well-known URL, for discovery. */
  issuer: string
  /** Token URL; if filled, there is no discovery. */
  tokenEndpoint: string
  grantType: GrantType
  clientAuth: ClientAuth
  /** Path of a file with a signed JWT, for `client_assertion_file`. */
  assertionFile: string
  scope: string
  audience: string
  /** Resource indicators (RFC 8707), separated by spaces. */
  resource: string
  /** Replace parameters of the request by name; an empty value removes one. */
  extraParams: readonly Parameter<Kept>[]
  /** Headers of the token request, for a gateway in front of the token server. */
  headers: readonly Parameter<Kept>[]
  keyId: string
  /** JWS algorithm of assertions; empty: from the key. */
  signingAlg: string
  /** `token_endpoint`, `issuer` or any other string. */
  assertionAudience: string
  /** `sub` of the assertion of the jwt_bearer grant; empty: the client id. */
  assertionSubject: string
  /** Additional claims of the assertion of the jwt_bearer grant, else of the client assertion. */
  assertionClaims: readonly AssertionClaim[]
  clientId: string
  clientSecret: Kept
  /** PEM: PKCS#1, PKCS#8, SEC1, also encrypted; with its certificate, if the server wants that. */
  privateKey: Kept
  privateKeyPassphrase: Kept
  username: string
  password: Kept
  /** Further texts that nothing may show: values of variables and of credentials, and what files hold. */
  secrets: Iterable<string>
  /** The TLS configuration presents a client certificate. */
  hasClientCertificate: boolean
  /** Tokens are bound to a key of this node (RFC 9449). */
  dpop: boolean
}

/** As a node has them: a secret may be in a file, which is read for each request. */
export type StoredTokenSettings = TokenSettings<Secret>
