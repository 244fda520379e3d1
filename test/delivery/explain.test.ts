import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Attempt } from '../../src/rules/attempt.ts'
import type { AttemptResult, ReplyRecord } from '../../src/delivery/attempt-result.ts'
import { readOutgoingMessage } from '../../src/hl7/outgoing-message.ts'
import { describeError } from '../../src/http-client/describe-error.ts'
import { printable } from '../../src/printable.ts'
import type { DeliveryErrorCause } from '../../src/delivery/delivery-error.ts'
import { deliveryFailed, idOf, printableCode } from '../../src/delivery/explain.ts'
import { quotesOf } from '../../src/delivery/quotes.ts'
import { readSoapFault } from '../../src/hl7-over-http/soap-fault.ts'
import { Redactor } from '../../src/redactor.ts'

const NOTHING_THERE =
  'There is nothing at that path: if it never worked, check the path of the URL; else ask its operator what has changed.'

describe('printable', () => {
  it('gives one line of at most 80 characters', () => {
    assert.equal(printable('A1\r\nB\u0085C\u2028D\u2029E\u202eF\ud800'), 'A1??B?C?D?E?F?')
    assert.equal(printable('Müller 東京'), 'Müller 東京')
    assert.equal(printable('x'.repeat(80)), 'x'.repeat(80))
    assert.equal(printable('x'.repeat(81)), `${'x'.repeat(79)}…`)
    assert.equal(printable('x'.repeat(1_000_000)), `${'x'.repeat(79)}…`)
  })

  it('shortens a code to what identifies it', () => {
    assert.equal(printableCode('AE'), 'AE')
    assert.equal(printableCode('A\r\nE'), 'A??E')
    assert.equal(printableCode('x'.repeat(2_200_000)), `${'x'.repeat(11)}…`)
  })

  it('names a message by control ID and type', () => {
    assert.equal(idOf({ controlId: 'M1', type: 'ADT^A01' }), 'M1 (ADT^A01)')
    assert.equal(idOf({ controlId: 'M\r1', type: '' }), 'M?1')
    assert.equal(idOf({ controlId: 'M1', type: 'A\r' }), 'M1 (A?)')
  })
})

describe('deliveryFailed', () => {
  const message = readOutgoingMessage(
    'MSH|^~\\&|A|B|C|D|20260102||ADT^A01|M1|P|2.5.1\rPID|1||4711^^^X^MR||Lindqvist^Anna',
    'auto'
  )
  const result = (filled: Partial<AttemptResult>): AttemptResult => ({
    decision: { outcome: 'fail', retry: false, rule: 'E=F', action: 'F', warnings: [] },
    answered: false,
    elapsedMs: 1,
    ...filled
  })
  const reply = (
    status: number,
    headers: ReplyRecord['headers'] = {},
    filled: Partial<AttemptResult> & { text?: string } = {}
  ): AttemptResult => {
    const { text = 'words', ...others } = filled
    const request = { url: new URL('https://receiver.test/hl7?key=1'), message, values: () => [] }
    const quotes = quotesOf(headers, request, new Redactor())
    return result({ reply: { status, headers, text, hl7: '', ack: null }, quotes, ...others })
  }
  const error = (
    code: string,
    family?: NonNullable<Attempt['error']>['family'],
    status?: number
  ): AttemptResult =>
    result({
      error: { code, text: 'it broke', ...(family === undefined ? undefined : { family }) },
      ...(status === undefined ? undefined : { status })
    })
  const soapFault = (code: string): string =>
    `<s:Envelope xmlns:s="x"><s:Body><s:Fault>${code}<faultstring>Lindqvist</faultstring></s:Fault></s:Body></s:Envelope>`
  const faultReply = (
    status: number,
    code: string,
    filled: Partial<AttemptResult> = {}
  ): AttemptResult => {
    const fault = readSoapFault(soapFault(code)) ?? assert.fail(code)
    return reply(status, {}, { fault, ...filled })
  }
  const securityFault =
    '<faultcode>s:Server</faultcode><detail><SecurityFault xmlns="urn:cdc:iisb:2011">Lindqvist</SecurityFault></detail>'
  const refused =
    'The receiver refuses the token: check "Token scheme", and "Scope" and "Audience" in the OAuth 2.0 node.'
  const denied =
    'The receiver denies access to this client: check "Scope" in the OAuth 2.0 node, and ask the operator of the receiver for permission.'
  const noToken =
    'The node sends no token: choose an OAuth 2.0 node, or check the credentials in the headers and the fields of the body.'
  const noTokenSeen =
    'The receiver seems to have got no token: check "Token scheme" and "Token header", and whether a proxy in between takes the header away. If it got the token, check "Scope" and "Audience" in the OAuth 2.0 node.'
  const noReceiver =
    'Check that the URL belongs to an HL7 receiver. If it does, ask its operator what such an answer means: if the message is then accepted, write a rule.'
  const taken =
    'The connection ended before a complete reply; the receiver may have accepted the message.'
  const wantsOne = 'If that happens every time, does it want a client certificate?'
  const port = 'Check the port of the URL, and that the server uses HTTPS on it.'
  const cut = { code: 'EPIPE', status: 200 }
  const trust =
    'Add that CA certificate to "CA Certificate" in the TLS node. Do not disable verification.'

  /**
   * What comes before "Message …", without a code and colon at its beginning, and the cause if it is
   * not the status.
   */
  type Row = [string, AttemptResult, string, Partial<DeliveryErrorCause>?]
  const table: Row[] = [
    [
      'an error with a hint',
      error('ECONNREFUSED', 'connect'),
      'it broke. Check the host and port of the URL, and that the receiver is running.',
      { code: 'ECONNREFUSED' }
    ],
    ['an error without a hint', error('EWEIRD'), 'it broke.', { code: 'EWEIRD' }],
    [
      'an error that cut off an answer',
      error('ERR_RESPONSE_TOO_LARGE', undefined, 201),
      'it broke. Check the URL. If the receiver acknowledges that much at once, send smaller batches, or raise hl7HttpsOutMaxReplyBytes in settings.js. The receiver may have accepted the message.',
      { code: 'ERR_RESPONSE_TOO_LARGE', status: 201 }
    ],
    [
      'an untrusted certificate, whatever the code',
      error('UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'tls'),
      `it broke. ${trust}`,
      { code: 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY' }
    ],
    [
      'a certificate error with a hint of its own',
      error('CERT_HAS_EXPIRED', 'tls'),
      "it broke. Ask the server's operator to renew it; check the clock of this machine.",
      { code: 'CERT_HAS_EXPIRED' }
    ],
    [
      'an unreachable token server, without a hint',
      error('ECONNREFUSED', 'token'),
      'it broke.',
      { code: 'ECONNREFUSED' }
    ],
    [
      'a refusal by the token server, with its status',
      { ...error('invalid_client', 'token', 401), hint: 'Check Client ID.' },
      'it broke. Check Client ID.',
      { code: 'invalid_client', status: 401 }
    ],
    [
      'a connection cut while waiting',
      error('ECONNRESET', 'reset'),
      `it broke. ${taken}`,
      { code: 'ECONNRESET' }
    ],
    [
      'a connection cut before a byte of an answer',
      { ...error('ECONNRESET', 'reset'), isCutEarly: true, mayWantCertificate: true },
      `it broke. ${taken} ${wantsOne}`,
      { code: 'ECONNRESET' }
    ],
    [
      'the same where the server may expect TLS',
      { ...error('ECONNRESET', 'reset'), mayWantTls: true },
      'it broke. The server may expect TLS on this port: try https:// in the URL. If it does not, it may have accepted the message.',
      { code: 'ECONNRESET' }
    ],
    [
      'a reply to an earlier message',
      error('ERR_EARLIER_ANSWER', 'reset'),
      "it broke. Ask the receiver's operator why it replies twice; it may have accepted this message.",
      { code: 'ERR_EARLIER_ANSWER' }
    ],
    ['an answer that was cut off', error('EPIPE', 'reset', 200), `it broke. ${taken}`, cut],
    [
      'a connection cut during the handshake: nothing was accepted',
      { ...error('ECONNRESET', 'tls'), mayWantCertificate: true },
      `it broke. ${port} ${wantsOne}`,
      { code: 'ECONNRESET' }
    ],
    [
      'a handshake that takes too long: nothing is known of certificates',
      error('ETIMEDOUT', 'tls'),
      'it broke. Check that the receiver is running, the port of the URL, and the network in between.',
      { code: 'ETIMEDOUT' }
    ],
    [
      'a TLS record that breaks off',
      { ...error('ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC', 'reset'), isCutEarly: true },
      `it broke. ${taken}`,
      { code: 'ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC' }
    ],
    [
      'a connection cut before the handshake',
      error('ECONNRESET', 'connect'),
      'it broke. If it happens every time, check whether the receiver wants a client certificate.',
      { code: 'ECONNRESET' }
    ],
    ...['ECONNREFUSED', 'ENOTFOUND', 'ERR_PROXY_TUNNEL', 'ETIMEDOUT', 'EPROTO'].map(
      (code): [string, AttemptResult, string, { code: string }] => [
        `a proxy that fails with ${code}`,
        result({ error: { code, family: 'connect', text: 'it broke', atProxy: true } }),
        'it broke. Check the proxy: its address, user name and password, and whether it allows this host.',
        { code }
      ]
    ),
    [
      'a proxy that does not reach the receiver',
      result({
        error: {
          ...{ code: 'ERR_PROXY_TUNNEL', family: 'connect' as const },
          text: 'host:443: the proxy does not reach the host (HTTP 503)'
        }
      }),
      'ERR_PROXY_TUNNEL at host:443: the proxy does not reach the host (HTTP 503). Check the host and port of the URL, and that the proxy can reach them.',
      { code: 'ERR_PROXY_TUNNEL' }
    ],
    [
      'a proxy with an untrusted certificate',
      result({
        error: { code: 'SELF_SIGNED_CERT_IN_CHAIN', text: 'it broke', atProxy: true }
      }),
      `it broke. ${trust}`,
      { code: 'SELF_SIGNED_CERT_IN_CHAIN' }
    ],
    ...(
      [
        [
          'DEPTH_ZERO_SELF_SIGNED_CERT',
          ' Add the certificate itself to "CA Certificate" in the TLS node.'
        ],
        [
          'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
          ' Ask the server\'s operator to send the whole chain, or add the missing certificate to "CA Certificate".'
        ],
        ['CERT_NOT_YET_VALID', ' Check the clock of this machine.'],
        ['CERT_REVOKED', " Ask the server's operator to replace it."],
        [
          'CERT_SIGNATURE_FAILURE',
          ' A CA certificate of that name here is not the one that issued it: replace it in "CA Certificate" in the TLS node.'
        ],
        [
          'ERR_OSSL_X509_KEY_VALUES_MISMATCH',
          ' Check the certificate, private key and passphrase in the TLS configuration of the node.'
        ],
        ['ERR_SSL_WRONG_VERSION_NUMBER', ` ${port}`]
      ] as const
    ).map(([code, said]): [string, AttemptResult, string, { code: string }] => [
      `${code} during the handshake`,
      error(code, 'tls'),
      `it broke.${said}`,
      { code }
    ]),
    ...(
      [
        ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', ''],
        ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', 'ssl/tls alert handshake failure'],
        ['EPROTO', 'sslv3 alert handshake failure:'],
        ['EPROTO', 'tlsv1 alert unknown ca:'],
        ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN', 'sslv3 alert certificate unknown']
      ] as const
    ).map(([code, words]): [string, AttemptResult, string, { code: string }] => [
      `a server that requires a client certificate: ${code} ${words}`,
      result({ error: { code, family: 'tls', text: `${describeError(code, words)}.` } }),
      `${describeError(code, words)}. Add a client certificate that the receiver knows to the TLS configuration of the node.`,
      { code }
    ]),
    [
      'an error whose text is a sentence',
      result({ error: { code: 'EWEIRD', text: 'Is it broken?' } }),
      'Is it broken?',
      { code: 'EWEIRD' }
    ],
    ['an error without text', result({ error: { code: 'E', text: '' } }), 'E.', { code: 'E' }],
    [
      'an error at a host',
      result({ error: { code: 'ECONNREFUSED', text: '127.0.0.1:1: nothing is listening there' } }),
      'ECONNREFUSED at 127.0.0.1:1: nothing is listening there. Check the host and port of the URL, and that the receiver is running.',
      { code: 'ECONNREFUSED' }
    ],
    [
      'the words of a token server',
      result({
        error: {
          ...{ code: 'invalid_scope', family: 'token' as const },
          text: 'The token server host refused (HTTP 400).'
        },
        quotes: { error: 'invalid_scope', description: 'Invalid scopes: hl7.' }
      }),
      'invalid_scope: The token server host refused (HTTP 400): "Invalid scopes: hl7".',
      { code: 'invalid_scope', description: 'Invalid scopes: hl7.' }
    ],
    [
      'a text with a full stop inside',
      result({ error: { code: 'E', text: 'No. 1' } }),
      'No. 1.',
      { code: 'E' }
    ],
    [
      'a refused token that cannot be replaced',
      reply(401, {}, { tokenProblem: 'No new one.' }),
      'HTTP 401: the receiver refused the token. No new one.'
    ],
    [
      'a refused token that cannot be replaced, with a hint',
      reply(401, {}, { tokenProblem: 'No new one', hint: 'Wait.' }),
      'HTTP 401: the receiver refused the token. No new one. Wait.'
    ],
    ...(
      [
        [300, 'https://other.test/x?secret#secret', 'to https://other.test/x.'],
        [301, 'https://user:secret@other.test/x', 'to https://other.test/x.'],
        [307, 'http://receiver.test/hl7', 'to http://receiver.test/hl7.'],
        [308, '//other.test/lindqvist', 'to https://other.test.'],
        [399, 'http://10.0.0.1:81/', 'to http://10.0.0.1:81.']
      ] as const
    ).map(([status, location, to]): [string, AttemptResult, string] => [
      `a redirect with ${status}`,
      reply(status, { location }),
      `HTTP ${status}: the receiver redirects ${to} Redirects are not followed: if that is the right server, enter its URL in the form.`
    ]),
    ...(
      [
        [undefined, ''],
        ['', ''],
        ['mailto:somebody@other.test', ''],
        ['http://[', ''],
        ['/elsewhere?secret', ', to the path /elsewhere'],
        ['/v2/1970-01-02/ADT', ', to the path /v2/…/ADT'],
        ['https://receiver.test/hl7/?secret#secret', ', to the path /hl7/'],
        ['https://receiver.test', ', to the path /'],
        ['other', ', to the path /other'],
        [`/${'long/'.repeat(50)}`, `, to the path /${'long/'.repeat(39)}lon…`],
        ['/patients/Lindqvist/new', ''],
        ['/patients/%4Cindqvist', '']
      ] as const
    ).map(([location, where]): [string, AttemptResult, string] => [
      `a redirect to ${location}`,
      reply(302, location === undefined ? {} : { location }),
      `HTTP 302: the receiver redirects within its own site${where}. Redirects are not followed: enter the final URL in the form.`
    ]),
    [
      'a status with a hint',
      reply(413),
      'HTTP 413 from the receiver. The message is too large for the receiver: ask its operator to raise the limit.'
    ],
    [
      'a status that pound has for a path that it does not know',
      reply(503),
      'HTTP 503 from the receiver. The receiver is temporarily unavailable: if it never worked, check the path of the URL; if others get through, it may limit their number: set a "Rate limit".'
    ],
    [
      'a status with nothing to do',
      reply(502),
      'HTTP 502 from the receiver. A gateway got no valid answer from the receiver behind it, which may have accepted the message.'
    ],
    [
      'a web page of a firewall, whatever 403 means otherwise',
      reply(403, {}, { isFirewallPage: true }),
      'HTTP 403 from the receiver. A gateway or firewall in front of the receiver refuses this machine, this client, how often it sends, or this message or its content type: give its operator the time and the control ID.'
    ],
    [
      'a web page that asks for a login',
      reply(200, { 'content-type': 'text/html' }, { meaning: 401 }),
      'HTTP 200 from the receiver with text/html that contains no HL7 acknowledgement. A web page asks for a login there, so the message reached no HL7 receiver: ask its operator which address is meant for programs.'
    ],
    [
      'a 400 that means the size of the message (Go)',
      reply(400, {}, { meaning: 413 }),
      'HTTP 400 from the receiver. The message is too large for the receiver: ask its operator to raise the limit.'
    ],
    ['a status without one', reply(418), 'HTTP 418 from the receiver.'],
    ['a status below all others', reply(199), 'HTTP 199 from the receiver.'],
    [
      'a SOAP fault with an error status',
      faultReply(418, '<faultcode>s:Server.Lindqvist</faultcode>'),
      'HTTP 418 from the receiver with a SOAP fault (Server).'
    ],
    [
      'a SOAP fault with a 2xx status',
      faultReply(200, '<s:Code><s:Value>s:Sender</s:Value></s:Code>'),
      `HTTP 200 from the receiver with a SOAP fault (Sender) that contains no HL7 acknowledgement. ${noReceiver}`
    ],
    [
      'a SOAP fault of the sender',
      faultReply(500, '<faultcode>s:Client</faultcode>', { meaning: 400 }),
      'HTTP 500 from the receiver with a SOAP fault (Client). The receiver does not accept the request in this form: check the body template, its fields, and the content type. msg.hl7.reply may say what is wrong.'
    ],
    [
      'a refused login, by the detail of the fault',
      faultReply(500, securityFault, { meaning: 401 }),
      'HTTP 500 from the receiver with a SOAP fault (Server, SecurityFault). The receiver refuses the login: check the user name, the password and the facility in the fields of the body.'
    ],
    [
      'a refused login, by the status of the fault',
      faultReply(401, '<faultcode>s:Client</faultcode>', { token: 'none' }),
      'HTTP 401 from the receiver with a SOAP fault (Client). The receiver refuses the login: check the user name, the password and the facility in the fields of the body.'
    ],
    [
      'a fault in the other version of SOAP',
      faultReply(500, '<faultcode>s:VersionMismatch</faultcode>', {
        meaning: 400,
        otherSoap: '1.1'
      }),
      'HTTP 500 from the receiver with a SOAP fault (VersionMismatch). The receiver replies in SOAP 1.1, in which the request is not: choose the preset SOAP 1.1 in the form.'
    ],
    [
      'a page that means a client certificate',
      reply(400, {}, { meaning: 'tls' }),
      'HTTP 400 from the receiver. Add a client certificate that the receiver knows to the TLS configuration of the node.'
    ],
    [
      'a 403 of Apache that wants a client certificate after the handshake',
      reply(
        403,
        {},
        {
          token: 'none',
          text: '<p>Reason: Cannot perform Post-Handshake Authentication.<br /></p>'
        }
      ),
      'HTTP 403 from the receiver. The receiver asks for a client certificate only after the TLS handshake, when none can be sent with TLS 1.3: its operator has to ask for it in the handshake (SSLVerifyClient in the virtual host), or use TLS 1.2.'
    ],
    [
      'a page that means large headers',
      reply(400, {}, { meaning: 431 }),
      'HTTP 400 from the receiver. The headers are too large for the receiver: shorten the largest (of a token: fewer scopes or roles), or ask the operator of the receiver to raise the limit.'
    ],
    [
      'a SOAP fault with a code of its own',
      faultReply(418, '<faultcode>Lindqvist</faultcode>'),
      'HTTP 418 from the receiver.'
    ],
    ...[401, 403].map((status): Row => [
      `a ${status} that asks for a scope`,
      reply(status, { 'www-authenticate': 'Bearer realm="x", Scope="hl7.write\u0007", error="y"' }),
      `HTTP ${status} from the receiver. It wants the scope "hl7.write".`,
      { error: 'y' }
    ]),
    ...['Bearer', 'Bearer scope=""', 'Bearer scope="cut'].map(
      (challenge): [string, AttemptResult, string] => [
        `a challenge without a scope: ${challenge}`,
        reply(403, { 'www-authenticate': challenge }),
        `HTTP 403 from the receiver. ${denied}`
      ]
    ),
    ['a 401 without a challenge', reply(401), `HTTP 401 from the receiver. ${refused}`],
    [
      'a 401 to a node without a token',
      reply(401, {}, { token: 'none' }),
      'HTTP 401 from the receiver. The node sends no token: choose an OAuth 2.0 node, or check the credentials in the headers and the fields of the body.'
    ],
    [
      'a 403 to a node without a token',
      reply(403, {}, { token: 'none' }),
      'HTTP 403 from the receiver. The receiver denies access, and the node sends no token: choose an OAuth 2.0 node, or check the headers with the credentials and the permissions of the client.'
    ],
    [
      'a 404 to a node without a token',
      reply(404, {}, { token: 'none' }),
      `HTTP 404 from the receiver. ${NOTHING_THERE}`
    ],
    ['a 403 without a challenge', reply(403), `HTTP 403 from the receiver. ${denied}`],
    [
      'a status that a refused token comes with',
      reply(400, {}, { meaning: 401 }),
      `HTTP 400 from the receiver. ${refused}`
    ],
    ...[401, 403].map((status): Row => [
      `a ${status} that says why`,
      reply(status, {
        'www-authenticate': 'Bearer error="invalid_token", error_description="The token expired."'
      }),
      `HTTP ${status} from the receiver: "The token expired". ${status === 401 ? refused : denied}`,
      { error: 'invalid_token', description: 'The token expired.' }
    ]),
    [
      'a 401 whose words are known',
      reply(401, {
        'www-authenticate':
          'Bearer error="invalid_token", error_description="An error occurred while attempting to decode the Jwt: The iss claim is not valid", error_uri="https://tools.ietf.org/html/rfc6750#section-3.1"'
      }),
      'HTTP 401 from the receiver: "An error occurred while attempting to decode the Jwt: The iss claim is not valid". The receiver expects tokens of another issuer: ask its operator which one. It must be the name that the token server calls itself, which differs from Issuer URL behind some proxies.',
      {
        error: 'invalid_token',
        description:
          'An error occurred while attempting to decode the Jwt: The iss claim is not valid'
      }
    ],
    [
      'a 401 to a token that is no JWT',
      reply(401, {
        'www-authenticate':
          'Bearer error="invalid_token", error_description="An error occurred while attempting to decode the Jwt: Malformed token"'
      }),
      'HTTP 401 from the receiver: "An error occurred while attempting to decode the Jwt: Malformed token". The receiver reads tokens as JWTs, and this one is opaque: have the token server issue JWTs to this client (Auth0: enter an Audience; Hydra: strategies.access_token), or the receiver ask the token server (introspection).',
      {
        error: 'invalid_token',
        description: 'An error occurred while attempting to decode the Jwt: Malformed token'
      }
    ],
    [
      'headers that are too large because of the token',
      reply(
        431,
        {},
        {
          headerSizes: { total: 17_000, largest: 'Authorization', size: 16_384, isToken: true }
        }
      ),
      'HTTP 431 from the receiver. All headers together have 17,000 bytes, which is too much for the receiver, and the token takes 16,384 of them. Ask the operator of the token server to put fewer roles and scopes into it (Keycloak: switch "Full scope allowed" off for the client), or the operator of the receiver to raise its limit.'
    ],
    [
      'headers that are too large, but not because of the token',
      reply(
        431,
        {},
        { headerSizes: { total: 21_504, largest: 'X-Route', size: 20_480, isToken: false } }
      ),
      'HTTP 431 from the receiver. All headers together have 21,504 bytes, which is too much for the receiver; the largest is X-Route (20,480). Shorten it, or ask the operator of the receiver to raise its limit.'
    ],
    ...(
      [
        ['Bearer realm="x"', undefined, noTokenSeen],
        ['Bearer realm="x"', 'none', noToken],
        [
          'Basic realm="OpenHIM"',
          undefined,
          'The receiver refuses this token, or wants a user name and password (Basic) instead: ask its operator which, and check "Scope" and "Audience" in the OAuth 2.0 node.'
        ],
        [
          'Basic realm="x"',
          'none',
          'The node sends no token, and the receiver wants a user name and password (Basic): check the header Authorization.'
        ],
        [
          'Digest realm="x", nonce="y"',
          undefined,
          'The receiver refuses this token, or wants Digest, which this node does not speak: ask its operator.'
        ],
        [
          'Digest realm="x", nonce="y"',
          'none',
          'The receiver wants Digest, which this node does not speak: ask its operator for Basic or a token.'
        ]
      ] as const
    ).map(([challenge, token, said]): Row => [
      `a 401 with the challenge ${challenge}, token: ${token ?? 'sent'}`,
      reply(401, { 'www-authenticate': challenge }, token === undefined ? {} : { token }),
      `HTTP 401 from the receiver. ${said}`
    ]),
    [
      'a 401 with a SOAP fault to a token: the login in the message may be meant',
      faultReply(401, '<faultcode>s:Client</faultcode>'),
      'HTTP 401 from the receiver with a SOAP fault (Client). The receiver refuses the login with a SOAP fault: if the message carries a user name and a password in the body, check them; if not, ask the operator of the receiver which issuer, scope and audience it expects in a token.'
    ],
    [
      'a refused token that cannot be replaced, with what the receiver says',
      reply(401, { 'www-authenticate': 'Bearer error_description="Why"' }, { tokenProblem: 'No.' }),
      'HTTP 401: the receiver refused the token: "Why". No.',
      { description: 'Why' }
    ],
    [
      'a long description',
      reply(401, {
        'www-authenticate': `Bearer error_description="${'long '.repeat(50)}"`
      }),
      `HTTP 401 from the receiver: "${'long '.repeat(39)}long…". ${refused}`,
      { description: 'long '.repeat(50).trim() }
    ],
    [
      'a 404 with a description',
      reply(404, { 'www-authenticate': 'Bearer error_description="Why"' }),
      `HTTP 404 from the receiver. ${NOTHING_THERE}`
    ],
    ...[
      ...['Patient Lindqvist is unknown', 'Patient LINDQVIST_ANNA is unknown', 'anna'],
      ...['x'.repeat(501), 'M\u00fcller', 'a\tb', '']
    ].map((said): [string, AttemptResult, string] => [
      `a description that is not quoted: ${said}`,
      reply(401, { 'www-authenticate': `Bearer error_description="${said}"` }),
      `HTTP 401 from the receiver. ${refused}`
    ]),
    [
      'a 404 that asks for a scope',
      reply(404, { 'www-authenticate': 'Bearer scope="x"' }),
      `HTTP 404 from the receiver. ${NOTHING_THERE}`
    ],
    [
      'an empty body although a reply was expected',
      reply(200, {}, { text: '' }),
      `HTTP 200 from the receiver without a body, although a reply was expected. ${noReceiver}`
    ],
    [
      'a body of another content type',
      reply(299, { 'content-type': 'text/html; charset=x\u0007' }),
      `HTTP 299 from the receiver with text/html that contains no HL7 acknowledgement. ${noReceiver}`
    ],
    ...['text', 'words', 'text/html\u0007', `text/${'x'.repeat(61)}`, 'a b/c', '/', '€/x'].map(
      (type): [string, AttemptResult, string] => [
        `a body with an invalid content type: ${type}`,
        reply(200, { 'content-type': type }),
        `HTTP 200 from the receiver with a body that contains no HL7 acknowledgement. ${noReceiver}`
      ]
    ),
    [
      'a body without a content type',
      reply(200),
      `HTTP 200 from the receiver with a body that contains no HL7 acknowledgement. ${noReceiver}`
    ],
    [
      'a SOAP fault of the server with a status of success',
      faultReply(200, '<faultcode>s:Server</faultcode>', { meaning: 500 }),
      'HTTP 200 from the receiver with a SOAP fault (Server) that contains no HL7 acknowledgement. The receiver failed: ask its operator to check its log.'
    ],
    [
      'a success with a body that cannot be decompressed',
      error('ERR_CONTENT_DECODING', undefined, 200),
      'it broke. Check the URL, and any proxy or gateway in between. The receiver may have accepted the message.',
      { code: 'ERR_CONTENT_DECODING', status: 200 }
    ],
    [
      'Mirth, which took the message for binary',
      reply(200, { 'content-type': 'text/plain' }, { meaning: 404 }),
      'HTTP 200 from the receiver with text/plain that contains no HL7 acknowledgement. Mirth took the message for binary: set "Content type" to text/plain, or have its operator take application/ off "Binary MIME Types" of the HTTP Listener.'
    ],
    [
      'a web page where there was never a receiver',
      reply(200, { 'content-type': 'text/html' }, { text: '<html>Down until 6:00</html>' }),
      'HTTP 200 from the receiver with text/html that contains no HL7 acknowledgement. This is a web page, not a receiver of HL7: the URL is wrong, or it is a maintenance page.'
    ],
    [
      'a fallback',
      reply(200, { 'content-type': 'application/json' }, { meaning: 503 }),
      'HTTP 200 from the receiver with application/json that contains no HL7 acknowledgement. This address has replied with HL7 before, so something in front of the receiver has replied now, such as a maintenance page: the message waits, though it may have arrived. If this reply is a success, accept it with a rule that reads it (@*text).'
    ],
    [
      'a time limit of the receiver',
      reply(503, {}, { meaning: 504 }),
      'HTTP 503 from the receiver. It took more than a second to say so: its own time limit may have ended while it was storing the message, so it may have accepted it.'
    ],
    [
      'a redirect to a login',
      reply(302, { location: 'https://idp.test/auth?client_id=a' }, { meaning: 401 }),
      'HTTP 302: the receiver redirects to a login. It leads to a login instead of accepting the token: check Scope and Audience in the OAuth 2.0 node, or ask its operator which address is meant for programs.'
    ],
    [
      'a login page without a token',
      reply(403, {}, { meaning: 401, token: 'none' }),
      'HTTP 403 from the receiver. A web page asks for a login there, so the message reached no HL7 receiver: ask its operator which address is meant for programs.'
    ],
    [
      'SOAPAction',
      faultReply(500, '<faultcode>s:Server</faultcode>', {
        ...{ meaning: 400, fault: { code: 'UnknownAction', isOfRegistry: false } }
      }),
      'HTTP 500 from the receiver with a SOAP fault (UnknownAction). The receiver does not offer this operation: check the URL, the body template, and the header SOAPAction.'
    ],
    ['nothing that is known', result({}), 'EUNKNOWN.', { code: 'EUNKNOWN' }]
  ]
  for (const [name, attempt, said, cause] of table) {
    it(`explains ${name}`, () => {
      const failure = deliveryFailed({ controlId: 'M1', type: 'ADT^A01' }, 1, attempt)
      assert.equal(failure.code, 'HL7_DELIVERY_FAILED')
      const start =
        cause?.code === undefined || said.startsWith(cause.code) ? '' : `${cause.code}: `
      const end =
        / (?:It is not known whether message M1 \(ADT\^A01\) was delivered|Message M1 \(ADT\^A01\) was not delivered|The receiver said that it does not take message M1 \(ADT\^A01\)) \(one attempt\)\.$/
      assert.match(failure.message, end)
      assert.equal(failure.message.replace(end, ''), start + said)
      const status = attempt.reply?.status
      const own = cause?.code === undefined ? { code: String(status), status } : {}
      assert.deepEqual(failure.cause, { ...own, ...cause })
    })
  }

  it('says that it is not known whether a message was delivered, if it may have been', () => {
    for (const [attempt, isUnknown] of [
      [error('ECONNRESET', 'reset'), true],
      [error('HTTPParserError', 'reset'), true],
      [error('ETIMEDOUT', 'timeout'), true],
      [error('ERR_RESPONSE_TOO_LARGE', undefined, 200), true],
      [reply(504), true],
      [error('ERR_RESPONSE_TOO_LARGE', undefined, 400), false],
      [error('ETIMEDOUT', 'connect'), false],
      [error('ERR_RESPONSE_TOO_LARGE', 'token', 200), false],
      [error('server_error', 'token', 504), false]
    ] as const) {
      const { message } = deliveryFailed({ controlId: 'M1', type: '' }, 1, attempt)
      assert.equal(message.includes('not known whether'), isUnknown, message)
      assert.equal(message.includes('was not delivered'), !isUnknown, message)
    }
  })

  it('says what the receiver says where that is not sure', () => {
    const not = /was not delivered/
    for (const status of [408, 503]) {
      const { message } = deliveryFailed({ controlId: 'M1', type: '' }, 2, reply(status))
      assert.match(message, /The receiver said that it does not take message M1 \(2 attempts\)\.$/)
      assert.doesNotMatch(message, not)
    }
    const name = { controlId: 'M1', type: '', saidNotTaken: true }
    assert.doesNotMatch(deliveryFailed(name, 2, reply(404)).message, not)
    assert.match(deliveryFailed({ controlId: 'M1', type: '' }, 2, reply(404)).message, not)
  })

  it('shows only its text, as Node-RED expects', () => {
    const failure = deliveryFailed({ controlId: 'M1', type: '' }, 1, error('EWEIRD'))
    assert.equal(failure.name, 'DeliveryError')
    assert.equal(String(failure), failure.message)
    assert.equal(failure.stack, undefined)
  })

  it('cuts a code from outside', () => {
    const outside = error(`E\u202e\n${'x'.repeat(2_200_000)}`)
    const { message } = deliveryFailed({ controlId: 'M1', type: '' }, 1, outside)
    assert.match(message, /^E\?\?x{76}…: it broke\. Message M1 was not delivered/)
  })

  it('counts the attempts', () => {
    const { message } = deliveryFailed({ controlId: 'M1', type: '' }, 3, error('EWEIRD'))
    assert.equal(message, 'EWEIRD: it broke. Message M1 was not delivered (3 attempts).')
  })

  it('has a hint for each status and code that operators meet', () => {
    for (const status of [
      400, 401, 403, 404, 405, 407, 408, 413, 415, 422, 429, 431, 500, 502, 503, 504
    ]) {
      const { message } = deliveryFailed({ controlId: 'M1', type: '' }, 1, reply(status))
      assert.match(
        message,
        new RegExp(`^HTTP ${status} from the receiver\\. [A-Z].{20,}\\. (?:Message|.* message) M1`)
      )
    }
    const codes = [
      ...['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'CERT_HAS_EXPIRED'],
      ...['ERR_TLS_CERT_ALTNAME_INVALID', 'ERR_RESPONSE_TOO_LARGE', 'HTTPParserError']
    ]
    for (const code of codes) {
      const { message } = deliveryFailed({ controlId: 'M1', type: '' }, 1, error(code))
      assert.match(message, /^\w+: it broke\. [A-Z].{20,}\. (?:Message|.* message) M1/, code)
    }
  })
})
