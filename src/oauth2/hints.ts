import type { HttpError } from '../http-client/http-error.ts'
import { isCertificateCode } from './certificate-code.ts'
import { oneLine } from './clean-text.ts'
import type { ClientAuthMethod, TokenSettings } from './token-settings.ts'

/** What the hint for an OAuth error depends on. */
export interface HintFacts {
  settings: TokenSettings
  clientAuth: ClientAuthMethod
  /** How far this machine's clock is ahead of the token server's, in seconds, where it said. */
  clockAheadSeconds: number | undefined
}

/** The form's names of the methods. */
const METHODS: Record<ClientAuthMethod, string> = {
  client_secret_basic: '"Client secret: Basic"',
  client_secret_basic_raw: '"Client secret: Basic, not form-encoded"',
  client_secret_post: '"Client secret: in the form (Post)"',
  client_secret_jwt: '"Client secret: signed JWT"',
  private_key_jwt: '"Private key: signed JWT"',
  tls_client_auth: '"TLS client certificate"',
  none: '"None (public client)"'
}

/** A difference that the usual tolerance of servers does not cover. */
const CLOCK_TOLERANCE_SECONDS = 30

/** What to do about an OAuth error code (RFC 6749 §5.2, RFC 8707 §2). */
export function hintForOAuthError(
  error: string | undefined,
  status: number,
  facts: HintFacts
): string {
  const { settings, clientAuth } = facts
  switch (error) {
    case 'invalid_client':
      return join(hintForClient(facts), clockHint(facts))
    case 'unauthorized_client':
      return `This client may not use the grant type ${settings.grantType}: allow it at the token server, or check Client ID and Grant.`
    case 'invalid_scope':
      return settings.scope === ''
        ? 'The token server wants a scope: fill in Scope (Entra ID: <resource>/.default).'
        : 'Check Scope: the token server does not know it or does not allow it for this client.'
    case 'invalid_target':
      return 'Check Resource and Audience: the token server does not know this API.'
    case 'access_denied':
      return 'Check Audience and Scope: this client may not call that API (grant it at the token server).'
    case 'unsupported_grant_type':
      return `The token server does not know the grant type ${settings.grantType}: check Grant.`
    case 'invalid_grant':
      return join(hintForGrant(settings), clockHint(facts))
    case 'invalid_request':
      return `A parameter is missing or wrong: check Authentication (now ${METHODS[clientAuth]}), Scope, Audience, Resource and Extra parameters.`
    case 'use_dpop_nonce':
    case 'invalid_dpop_proof':
      return 'The token server wants DPoP, which is not supported: configure it to issue Bearer tokens to this client.'
    default:
      return hintForStatus(status, facts)
  }
}

function hintForStatus(status: number, facts: HintFacts): string {
  if (status === 401 || status === 403) return join(hintForClient(facts), clockHint(facts))
  if (status === 404 || status === 410) {
    return facts.settings.tokenEndpoint === ''
      ? 'The token endpoint that the issuer names is not there: check Issuer URL.'
      : 'Check Token URL: there is nothing at this address.'
  }
  if (status === 405) return 'Check Token URL: this address does not accept POST.'
  if (status === 415 || status === 400) {
    return `Check Authentication (now ${METHODS[facts.clientAuth]}), Scope and Extra parameters.`
  }
  if (status === 429) return 'The token server gets too many requests; the next attempt waits.'
  if (status === 407) return 'The proxy wants a user name and password: check Proxy.'
  if (status >= 500) return 'The token server has a problem; the request will be retried.'
  return 'Check Token URL and Authentication.'
}

function hintForClient({ settings, clientAuth }: HintFacts): string {
  switch (clientAuth) {
    case 'client_secret_basic':
      return `Check Client ID and Client secret. If they are right, try Authentication ${METHODS.client_secret_post} or ${METHODS.client_secret_basic_raw}.`
    case 'client_secret_basic_raw':
      return `Check Client ID and Client secret. If they are right, try Authentication ${METHODS.client_secret_basic} or ${METHODS.client_secret_post}.`
    case 'client_secret_post':
      return `Check Client ID and Client secret. If they are right, try Authentication ${METHODS.client_secret_basic}.`
    case 'client_secret_jwt':
      return 'Check Client ID and Client secret, then "Assertion for" (some servers want the issuer).'
    case 'private_key_jwt':
      return `Check that the public key is registered at the token server for this Client ID${
        settings.keyId === '' ? ' (it may want a Key ID)' : ' under this Key ID'
      }, then Algorithm and "Assertion for".`
    case 'tls_client_auth':
      return 'Check Client ID, and that the client certificate of TLS is the one registered at the token server.'
    case 'none':
      return 'The token server wants this client to prove who it is: fill in Client secret or Private key.'
  }
}

function hintForGrant({ grantType }: TokenSettings): string {
  switch (grantType) {
    case 'jwt_bearer':
      return 'The token server does not accept the assertion: check Client ID, Assertion subject, "Assertion for", Key ID and Private key.'
    case 'password':
      return 'Check User name and Password.'
    case 'client_credentials':
      return 'Check Client ID and Authentication.'
  }
}

/** Clocks matter where something is signed with a time in it. */
function clockHint({ settings, clientAuth, clockAheadSeconds }: HintFacts): string {
  const signs =
    settings.grantType === 'jwt_bearer' ||
    clientAuth === 'private_key_jwt' ||
    clientAuth === 'client_secret_jwt'
  if (!signs || clockAheadSeconds === undefined) return ''
  if (Math.abs(clockAheadSeconds) <= CLOCK_TOLERANCE_SECONDS) return ''
  return `This machine's clock is ${Math.round(Math.abs(clockAheadSeconds))} s ${
    clockAheadSeconds > 0 ? 'ahead of' : 'behind'
  } the token server's: set it right, because assertions carry the time.`
}

function join(first: string, second: string): string {
  return second === '' ? first : `${second} ${first}`
}

/** What to do when there was no complete answer at all. */
export function hintForNetwork(error: HttpError, field: 'Issuer URL' | 'Token URL'): string {
  const { code, family, certificateIssuer } = error
  if (code === 'ERR_PROXY_REFUSED') {
    return 'The proxy does not let this through: check Proxy (address, user name, exceptions).'
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return `Check the host name in ${field}, and the DNS of this machine; behind a proxy, choose Proxy.`
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `The certificate is for another host name: check ${field}, or set the server name in the TLS configuration.`
  }
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
    return "The token server's certificate is out of date: ask its operator to renew it; check this machine's clock too."
  }
  if (isCertificateCode(code)) {
    const who =
      certificateIssuer === undefined ? '' : ` It was issued by "${oneLine(certificateIssuer)}".`
    return `The token server's certificate is not trusted here.${who} Add the CA certificate to the TLS configuration chosen in TLS.`
  }
  if (code.includes('ALERT') && code.includes('CERTIFICATE')) {
    return 'The token server wants a client certificate that it knows: in TLS, choose a configuration with the right one.'
  }
  if (family === 'tls' || code === 'EPROTO' || code.startsWith('ERR_SSL_')) {
    return `The TLS handshake failed: check ${field} (port), and in TLS the client certificate that the server may require.`
  }
  if (NO_TOKEN_SERVER.has(code)) {
    return `This is not the answer of a token server: check ${field}.`
  }
  if (code === 'ERR_HTTP_STATUS') {
    return 'The token server has a problem; the request will be retried.'
  }
  if (family === 'timeout') return 'The token server is too slow; the request will be retried.'
  if (family === 'connect') {
    return `Check host and port in ${field}, the firewall, and whether Proxy is needed.`
  }
  return 'The connection broke; the request will be retried. A server that does not accept the client certificate (TLS) may do this too.'
}

/** What no token server answers with. */
const NO_TOKEN_SERVER = new Set(['ERR_RESPONSE_TOO_LARGE', 'ERR_CONTENT_DECODING', 'ERR_UPGRADED'])
