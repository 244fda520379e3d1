import type { ClientAuthMethod } from './token-settings.ts'

/** The English labels of the form, by their keys in the locales under `label`. */
export const LABELS = {
  issuer: 'Issuer URL',
  tokenEndpoint: 'Token URL',
  grantType: 'Grant',
  clientAuth: 'Authentication',
  assertionFile: 'Assertion file',
  scope: 'Scope',
  audience: 'Audience',
  resource: 'Resource',
  extraParams: 'Extra parameters',
  keyId: 'Key ID',
  signingAlg: 'Algorithm',
  assertionAudience: 'Assertion for',
  assertionSubject: 'Assertion subject',
  tls: 'TLS',
  proxy: 'Proxy',
  dpop: 'DPoP (tokens bound to a key)',
  clientId: 'Client ID',
  clientSecret: 'Client secret',
  privateKey: 'Private key',
  privateKeyPassphrase: 'Passphrase',
  username: 'User name',
  password: 'Password'
} as const

/** The English names of the methods, by their keys in the locales under `option.clientAuth`. */
export const OPTIONS: Readonly<Record<ClientAuthMethod, string>> = {
  client_secret_basic: 'Client secret: Basic',
  client_secret_basic_raw: 'Client secret: Basic, not form-encoded',
  client_secret_post: 'Client secret: in the form (Post)',
  client_secret_jwt: 'Client secret: signed JWT',
  private_key_jwt: 'Private key: signed JWT',
  tls_client_auth: 'TLS client certificate',
  client_assertion_file: 'Assertion in a file (workload identity)',
  none: 'None (public client)'
}

/**
 * What to do after a failure, in English, by the keys that the locales have under `tokenHint`. The
 * form shows the same in the reader's language. `__…__` stands for a label or method of the form, or
 * for a value of the hint; `__field__` for the label, and `__method__` for the method, that it names.
 */
export const HINT_TEXTS = {
  // The client is refused.
  clientBasic:
    'Check __clientId__ and __clientSecret__. If they are right, try __clientAuth__ "__client_secret_post__" or "__client_secret_basic_raw__".',
  clientBasicRaw:
    'Check __clientId__ and __clientSecret__. If they are right, try __clientAuth__ "__client_secret_basic__" or "__client_secret_post__".',
  clientPost:
    'Check __clientId__ and __clientSecret__. If they are right, try __clientAuth__ "__client_secret_basic__".',
  clientSecretJwt:
    'Check __clientId__ and __clientSecret__, then "__assertionAudience__" (some servers want the issuer).',
  clientKey:
    'Check that the public key is registered at the token server for this __clientId__ (it may want a __keyId__), then __signingAlg__ and "__assertionAudience__".',
  clientKeyId:
    'Check that the public key is registered at the token server for this __clientId__ under this __keyId__, then __signingAlg__ and "__assertionAudience__".',
  clientTls:
    'Check __clientId__, and that the client certificate in __tls__ is the one registered at the token server.',
  clientAssertionFile:
    'Check __clientId__, and that the token server trusts the issuer, subject and audience of the JWT in __assertionFile__ for this client.',
  clientNone:
    'The token server wants this client to prove who it is: fill in __clientSecret__ or __privateKey__.',
  methodNotListed:
    'The token server does not list the method in use, "__method__". It lists: __methods__.',
  scopeToo:
    'Some servers answer like this without a scope: fill in __scope__ if they gave you one.',
  clockAhead:
    "This machine's clock is __seconds__ s ahead of the token server's: correct it, because assertions and DPoP proofs carry the time.",
  clockBehind:
    "This machine's clock is __seconds__ s behind the token server's: correct it, because assertions and DPoP proofs carry the time.",
  // Other refusals.
  accessDenied:
    'Check __audience__ and __scope__: this client may not call that API (grant it at the token server).',
  noDpop:
    'The token server wants DPoP: tick "__dpop__", or configure the token server to issue Bearer tokens to this client.',
  dpopProof:
    "The token server does not accept the DPoP proof: check this machine's clock, and that the token server sees its address as it is in the form (a gateway may change it).",
  grantJwtBearer:
    'The token server does not accept the assertion: check __clientId__, __assertionSubject__, "__assertionAudience__", __keyId__ and __privateKey__.',
  grantPassword: 'Check __username__ and __password__.',
  grantClient: 'Check __clientId__ and __clientAuth__.',
  invalidRequest:
    'A parameter is missing or wrong: check __clientAuth__ (now "__method__"), __scope__, __audience__, __resource__ and __extraParams__.',
  scopeMissing:
    'The token server wants a scope: fill in __scope__ (Entra ID: <resource>/.default).',
  scopeUnknown:
    'Check __scope__: the token server does not know it or does not allow it for this client.',
  invalidTarget: 'Check __resource__ and __audience__: the token server does not know this API.',
  unauthorizedClient:
    'This client may not use the grant type __grant__: allow it at the token server, or check __clientId__ and __grantType__.',
  unsupportedGrant: 'The token server does not know the grant type __grant__: check __grantType__.',
  serverProblem: 'The token server has a problem; the request will be retried.',
  unknownClientToo:
    'Some servers answer like this to a client that they do not know: check __clientId__ too.',
  endpointGone: 'Check __tokenEndpoint__: there is nothing at this address.',
  discoveredEndpointGone:
    'The token endpoint that the issuer names does not exist: check __issuer__.',
  notPost: 'Check __tokenEndpoint__: this address does not accept POST.',
  badRequest: 'Check __clientAuth__ (now "__method__"), __scope__ and __extraParams__.',
  tooMany: 'The token server gets too many requests; the next attempt waits.',
  proxyLogin: 'The proxy wants a user name and password: check __proxy__.',
  endpointOrMethod: 'Check __tokenEndpoint__ and __clientAuth__.',
  redirect:
    'Put the address that it redirects to into __field__, if it is the right one: __target__',
  // Answers that are no token.
  answerHtml:
    'Check __tokenEndpoint__ (or __issuer__): this looks like a web page, perhaps a login page or a proxy.',
  answerEmpty: 'Check __tokenEndpoint__ (or __issuer__); the answer should contain a token.',
  answerNotJson: 'Check __tokenEndpoint__ (or __issuer__): this does not look like a token server.',
  answerNoToken:
    'Check __tokenEndpoint__, __grantType__ and __scope__: the answer is JSON but contains no access token.',
  answerBadToken: 'Check __tokenEndpoint__: a header cannot carry this token.',
  answerTokenType:
    'Configure the token server to issue Bearer tokens to this client, or, for DPoP tokens, tick "__dpop__"; other types are not supported.',
  answerNotDpop:
    'Configure the token server to issue DPoP tokens to this client, or untick "__dpop__": it may not support DPoP.',
  // Discovery.
  noTokenEndpoint: 'Fill in __tokenEndpoint__; with it, __issuer__ is not used.',
  noMetadata:
    'Check __issuer__; or enter the full well-known URL there, or fill in __tokenEndpoint__.',
  issuerIsTokenUrl: '__issuer__ looks like a token URL: put it into __tokenEndpoint__.',
  issuerMismatch:
    "Enter the full well-known URL in __issuer__, or fill in __tokenEndpoint__; or enter the server's own name in __issuer__: __found__",
  metadata: 'Check __field__, or fill in __tokenEndpoint__.',
  // No complete answer.
  requestFailed: 'Check __clientAuth__, __privateKey__ and __clientSecret__.',
  proxyRefused:
    'The proxy does not let this through: check __proxy__ (address, user name, exceptions).',
  beyondProxy: 'Check host and port in __field__, and that the proxy can reach them.',
  proxyDown:
    'The proxy failed, not the token server: check __proxy__ (address, port) and the proxy itself.',
  hostName:
    'Check the host name in __field__, and the DNS of this machine; behind a proxy, choose __proxy__.',
  otherHost:
    'The certificate is for another host name: check __field__, or set the server name in the TLS configuration.',
  certificateDate:
    "The token server's certificate is out of date: ask its operator to renew it; check this machine's clock too.",
  untrusted:
    "The token server's certificate is not trusted here. Add the CA certificate to the TLS configuration chosen in __tls__.",
  untrustedBy:
    'The token server\'s certificate is not trusted here. It was issued by "__authority__". Add the CA certificate to the TLS configuration chosen in __tls__.',
  clientCertificate:
    'The token server wants a client certificate that it knows: in __tls__, choose a configuration with the right one.',
  tlsFailed:
    'The TLS handshake failed: check __field__ (port), and in __tls__ the client certificate that the server may require.',
  notTokenServer: 'This answer is not from a token server: check __field__.',
  slow: 'The token server is too slow; the request will be retried.',
  unreachable: 'Check host and port in __field__, the firewall, and whether __proxy__ is needed.',
  broken:
    'The connection broke; the request will be retried. A server that does not accept the client certificate (__tls__) may do this too.',
  // Before or after the request.
  filePath: 'Check the path in __assertionFile__.',
  fileRead:
    'Check the path in __assertionFile__, and that the user of Node-RED may read it (in Kubernetes: that the volume is mounted).',
  fileWriter: 'Check the program that writes the file, such as the workload identity webhook.',
  clock: "Check this machine's clock too.",
  cancelled: 'Nothing is wrong: the node was closed or the message was discarded.',
  wrongApi:
    'Check __scope__, __audience__ and __resource__ (the token may be for another API), and the URL of the HL7 server.',
  refusedAgain:
    'A new token is fetched at most every 10 s; check __scope__, __audience__ and __resource__ if this goes on.',
  tooSlow:
    'The token server is too slow for such short-lived tokens: configure it to issue tokens with a longer lifetime.',
  // The Test button.
  deployFirst: 'It is not deployed: deploy it, then test again.'
} as const
