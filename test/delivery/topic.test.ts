/** What a failure is about: what operators are told to do follows from it. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { topicOf, topicOfCode, topicOfToken, TOPICS, type Topic } from '../../src/delivery/topic.ts'
import type { AttemptError } from '../../src/rules/attempt.ts'
import type { AttemptResult } from '../../src/delivery/attempt-result.ts'
import english from '../../locales/en-US/sidebar.json' with { type: 'json' }
import { resultOf } from './replies.ts'

const { decision } = resultOf('retry')

type Facts = Parameters<typeof topicOf>[0]

const replied = (status: number, more: Partial<AttemptResult> = {}): Facts => ({
  decision,
  reply: { status, headers: {}, text: '', hl7: '', ack: null },
  ...more
})
const failed = (code: string, more: Partial<AttemptError> = {}): Facts => ({
  decision,
  error: { code, text: '', ...more }
})
const soap = (code: string): Pick<AttemptResult, 'fault'> => ({
  fault: { code, isOfRegistry: true }
})

const ROWS: [Topic | undefined, Facts[]][] = [
  ['unreachable', [failed('ECONNREFUSED', { family: 'connect' })]],
  // A process that was stopped: a timeout names no certificate.
  ['unreachable', [failed('ETIMEDOUT', { family: 'tls' })]],
  ['tls-cut', [failed('ECONNRESET', { family: 'tls' })]],
  ['tls', [failed('EPROTO', { family: 'tls' })]],
  ['tls-expired', [failed('CERT_HAS_EXPIRED', { family: 'tls' })]],
  ['tls-name', [failed('ERR_TLS_CERT_ALTNAME_INVALID', { family: 'tls' })]],
  [
    'tls-ca',
    [
      failed('SELF_SIGNED_CERT_IN_CHAIN', { family: 'tls' }),
      failed('DEPTH_ZERO_SELF_SIGNED_CERT', { family: 'tls' }),
      failed('UNABLE_TO_VERIFY_LEAF_SIGNATURE', { family: 'tls' })
    ]
  ],
  [
    'client-certificate',
    [
      failed('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', {
        family: 'tls',
        isOfOwnCertificate: true
      }),
      replied(400, { meaning: 'tls' })
    ]
  ],
  ['cut', [failed('ECONNRESET', { family: 'reset' })]],
  ['cut-answer', [failed('ERR_SSL_BAD_RECORD_TYPE', { family: 'reset' })]],
  ['late', [failed('ETIMEDOUT', { family: 'timeout' })]],
  ['unreadable', [failed('HTTPParserError', { family: 'reset' }), failed('ERR_CONTENT_DECODING')]],
  ['proxy-away', [failed('ECONNREFUSED', { family: 'connect', atProxy: true })]],
  [
    'proxy',
    [
      failed('ERR_PROXY_TUNNEL', { family: 'connect', atProxy: true, proxyStatus: 403 }),
      replied(407)
    ]
  ],
  ['behind-proxy', [failed('ERR_PROXY_TUNNEL', { family: 'connect', proxyStatus: 502 })]],
  ['token-refused', [failed('invalid_client', { family: 'token' })]],
  ['token-unreachable', [failed('ECONNREFUSED', { family: 'token' })]],
  ['denied', [replied(401), replied(403)]],
  ['firewall', [replied(403, { isFirewallPage: true })]],
  ['login-page', [replied(200, { meaning: 401 })]],
  ['login', [replied(500, { meaning: 401, ...soap('SecurityFault') })]],
  ['operation', [replied(500, { meaning: 400, ...soap('Sender.ProcedureNotPresent') })]],
  ['request', [replied(400), replied(415), replied(422), replied(500, { meaning: 400 })]],
  ['too-large', [replied(413)]],
  ['large-token', [replied(431), replied(400, { meaning: 431 })]],
  ['not-found', [replied(404), replied(405), replied(501)]],
  ['redirect', [replied(302)]],
  ['too-many', [replied(429)]],
  ['unavailable', [replied(503)]],
  ['behind-gateway', [replied(502), replied(504)]],
  ['failed', [replied(500), replied(520), replied(408), replied(425)]],
  ['no-ack', [replied(200)]],
  [undefined, [failed('EUNKNOWN'), resultOf('accept')]]
]

describe('what a failure is about', () => {
  for (const [topic, facts] of ROWS) {
    it(topic ?? 'nobody knows', () => {
      for (const one of facts) assert.equal(topicOf(one), topic, JSON.stringify(one))
    })
  }

  it('is told of a code alone where an earlier version stored no more', () => {
    for (const [code, topic] of [
      ['ECONNREFUSED', 'unreachable'],
      ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'tls-ca'],
      ['404', 'not-found'],
      ['HTTP 502', 'behind-gateway'],
      ['ECONNRESET', undefined],
      ['invalid_client', undefined],
      ['AE', undefined],
      ['', undefined]
    ] as const) {
      assert.equal(topicOfCode(code), topic, code)
    }
  })

  it('is of the secret if a server that grants by it says invalid_grant', () => {
    for (const [code, grant, topic] of [
      ['invalid_grant', 'client_credentials', 'token-refused'],
      ['invalid_grant', 'password', 'token-other'],
      ['unauthorized_client', '', 'token-refused'],
      ['server_error', '', 'token-server-error'],
      ['HTTP 503', '', 'token-unreachable'],
      ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', '', 'token-unreachable'],
      ['ERR_TOKEN_REFUSED', '', 'token-not-accepted'],
      ['invalid_scope', '', 'token-other']
    ] as const) {
      assert.equal(topicOfToken(code, grant), topic, `${code} ${grant}`)
    }
  })

  it('has a sentence with what to do', () => {
    for (const topic of TOPICS) assert.ok(`advice-${topic}` in english.told, topic)
  })
})
