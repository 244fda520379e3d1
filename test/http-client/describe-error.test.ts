import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { brokenBy, connectFailureOf, httpErrorOf } from '../../src/http-client/failures.ts'
import type { HttpErrorFamily } from '../../src/http-client/http-error.ts'

/** What may not be repeated. */
const SECRET = 'own-secret'

function failure(code: string | undefined, message = '', name = 'Error'): NodeJS.ErrnoException {
  return Object.assign(new Error(`${message} ${SECRET}`), code !== undefined && { code }, { name })
}

const REFUSED = 'the server refused the TLS handshake'
const NO_CODE = 'an error without a code'
type Row = [
  what: string,
  error: NodeJS.ErrnoException,
  family: HttpErrorFamily | undefined,
  words: string,
  code?: string
]

describe('an error of Node.js', () => {
  const check = ([, error, family, words, code = error.code]: Row, made: typeof brokenBy): void => {
    const shown = made(error)
    assert.deepEqual([shown.family, shown.code], [family, code])
    assert.ok(shown.message.startsWith(words), shown.message)
    assert.ok(!shown.message.includes(SECRET))
  }

  for (const row of [
    ['an unknown code', failure('ESOMETHING'), 'connect', 'the request failed (ESOMETHING)'],
    ['no code', failure(undefined), 'connect', NO_CODE, 'EUNKNOWN'],
    ['no code but a name', failure(undefined, '', 'RangeError'), 'connect', 'the', 'RangeError'],
    ['another error of TLS', failure('ERR_SSL_X'), 'tls', 'the TLS handshake failed (ERR_SSL_X)'],
    ['EPROTO with an alert', failure('EPROTO', 'x alert handshake failure'), 'tls', REFUSED],
    ['words of TLS with another code', failure('EX', 'alert unknown ca'), 'connect', 'the request'],
    ['a file that cannot be used', failure('ERR_OSSL_X'), 'tls', 'certificate and key of the TLS']
  ] satisfies Row[]) {
    it(`before the connection is complete: ${row[0]}`, () => {
      check(row, (error) => connectFailureOf(error, 'connect'))
    })
  }

  for (const row of [
    ['a reset', failure('ECONNRESET'), 'reset', 'the connection was cut'],
    ['a closed pipe', failure('EPIPE'), 'reset', 'the connection was cut', 'ECONNRESET'],
    [
      'another error of TLS',
      failure('ERR_SSL_X'),
      'reset',
      'the TLS connection failed (ERR_SSL_X)'
    ],
    ['a bad record', failure('ERR_SSL_BAD_RECORD_TYPE'), 'reset', 'the connection was cut while'],
    [
      'like a bad record',
      failure('ERR_SSL_BAD_RECORD_TYPES'),
      'reset',
      'the TLS connection failed'
    ],
    ['unknown', failure('EX'), 'reset', 'the request failed (EX)'],
    [
      'an alert for the certificate',
      failure('EPROTO', 'alert bad certificate'),
      'tls',
      'the server refused the client'
    ],
    ['a code with it', failure('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'), 'tls', 'the']
  ] satisfies Row[]) {
    it(`on an open connection: ${row[0]}`, () => {
      check(row, brokenBy)
    })
  }

  for (const [message, words] of [
    ['alert protocol version', 'the server does not support TLS 1.2 or newer'],
    ['unsupported protocol', 'the server does not support TLS 1.2 or newer'],
    ['alert handshake failure', REFUSED],
    ['alert bad certificate', 'the server refused the client certificate'],
    ['alert certificate unknown', 'the server does not accept the client certificate'],
    ['alert unsupported certificate', 'the server does not accept the client certificate'],
    ['alert unknown ca', 'the server does not trust the CA of the client certificate'],
    ['alert certificate expired', 'the client certificate has expired'],
    ['alert certificate revoked', 'the client certificate has been revoked']
  ] as const) {
    it(`is told apart by OpenSSL's words: ${message}`, () => {
      const error = failure('EPROTO', `write EPROTO 0:error:0A000:SSL routines:${message}:`)
      assert.ok(connectFailureOf(error, 'connect').message.startsWith(words))
    })
  }

  it('is a cut, by whatever name', () => {
    for (const code of ['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'ERR_STREAM_PREMATURE_CLOSE']) {
      assert.equal(brokenBy(failure(code)).code, 'ECONNRESET')
    }
  })

  it('is about our own certificate only where the other side, or OpenSSL, says so', () => {
    for (const [error, isOwn] of [
      [failure('ERR_OSSL_X'), true],
      [failure('EPROTO', 'alert unknown ca'), true],
      [failure('ERR_SSL_TLSV1_ALERT_UNKNOWN_CA'), true],
      [failure('EPROTO', 'alert handshake failure'), false],
      [failure('CERT_HAS_EXPIRED', 'alert bad certificate'), false],
      [failure('ECONNRESET'), false]
    ] as const) {
      assert.equal(httpErrorOf(error, 'tls').isOfOwnCertificate, isOwn, error.code)
    }
  })

  it('that is described already stays as it is', () => {
    const known = httpErrorOf(failure('ECONNREFUSED'), 'connect')
    assert.equal(httpErrorOf(known, 'tls'), known)
  })
})
