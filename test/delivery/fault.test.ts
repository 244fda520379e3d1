/** Whose fault the failure of an attempt is, what it is about, and what follows. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AttemptResult } from '../../src/delivery/attempt-result.ts'
import {
  faultOf,
  isCounted,
  needsSomebody,
  topicOfCode,
  topicOfToken,
  type FailureFacts
} from '../../src/delivery/fault.ts'
import type { Acknowledgement } from '../../src/hl7/acknowledgement.ts'
import type { AttemptError } from '../../src/rules/attempt.ts'
import { resultOf } from './replies.ts'

const { decision } = resultOf('retry')

type More = Partial<FailureFacts> & Pick<AttemptResult, 'fault'>

function replied(status: number, more: More = {}, code?: string): FailureFacts {
  const ack: Acknowledgement | null =
    code === undefined ? null : { code, controlId: '', text: '', severity: '', errors: [] }
  return { decision, reply: { status, headers: {}, text: '', hl7: '', ack }, ...more }
}

function failed(code: string, error: Partial<AttemptError> = {}, more: More = {}): FailureFacts {
  return { decision, error: { code, text: '', ...error }, ...more }
}

const tls = (code: string): FailureFacts => failed(code, { family: 'tls' })
const reset = (code: string, more: More = {}): FailureFacts =>
  failed(code, { family: 'reset' }, more)
const atProxy = (code: string, proxyStatus?: number): FailureFacts =>
  failed(code, {
    ...{ family: 'connect', atProxy: true },
    ...(proxyStatus !== undefined && { proxyStatus })
  })
const noToken = (code: string, more: More = {}): FailureFacts =>
  failed(code, { family: 'token' }, more)
const soap = (code: string): Pick<AttemptResult, 'fault'> => ({
  fault: { code, isOfRegistry: true }
})

/** How an attempt can end. A number is a status of the receiver. */
const ENDS: Readonly<Record<string, FailureFacts>> = {
  AR: replied(200, {}, 'AR'),
  '400 CR': replied(400, {}, 'CR'),
  AE: replied(200, {}, 'AE'),
  '500 CE': replied(500, {}, 'CE'),

  'fault of sender': replied(500, { meaning: 400, ...soap('Sender') }),
  'fault of operation': replied(500, { meaning: 400, ...soap('Sender.ProcedureNotPresent') }),
  'fault of action': replied(500, { meaning: 400, ...soap('UnknownAction') }),
  'fault of size': replied(500, {
    ...{ meaning: 400, fault: { ...soap('Sender').fault, detail: 'MessageTooLargeFault' } }
  } as More),
  'fault unknown': replied(500, { meaning: 500, ...soap('Sender') }),
  'fault of login': replied(500, { meaning: 401, ...soap('SecurityFault') }),
  'page of login': replied(200, { meaning: 401 }),
  'redirect to login': replied(302, { meaning: 401 }),
  'page of login with 403': replied(403, { meaning: 401 }),
  'Mirth took it for binary': replied(200, { meaning: 404 }),
  'a fallback': replied(200, { meaning: 503 }),
  'a web page': {
    ...replied(200),
    reply: { ...replied(200).reply, text: '<html></html>' }
  } as FailureFacts,
  'Varnish 503': replied(503, { meaning: 502 }),
  'late 503': replied(503, { meaning: 504 }),
  'late 408': replied(408, { meaning: 504 }),
  'large headers by size': replied(413, { meaning: 431 }),
  'page of firewall': replied(200, { meaning: 403, isFirewallPage: true }),
  'page for TLS': replied(400, { meaning: 'tls' }),
  'page for headers': replied(400, { meaning: 431 }),

  ECONNREFUSED: failed('ECONNREFUSED', { family: 'connect' }),
  'handshake late': tls('ETIMEDOUT'),
  'handshake cut': tls('ECONNRESET'),
  EPROTO: tls('EPROTO'),
  'HTTP/2 only': tls('ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL'),
  CERT_HAS_EXPIRED: tls('CERT_HAS_EXPIRED'),
  'other name': tls('ERR_TLS_CERT_ALTNAME_INVALID'),
  SELF_SIGNED_CERT_IN_CHAIN: tls('SELF_SIGNED_CERT_IN_CHAIN'),
  DEPTH_ZERO_SELF_SIGNED_CERT: tls('DEPTH_ZERO_SELF_SIGNED_CERT'),
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: tls('UNABLE_TO_VERIFY_LEAF_SIGNATURE'),
  'own certificate': failed('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', {
    ...{ family: 'tls', isOfOwnCertificate: true }
  }),
  'own key': failed('ERR_OSSL_BAD_DECRYPT', { family: 'tls', isOfOwnCertificate: true }),

  late: failed('ETIMEDOUT', { family: 'timeout' }),
  cut: reset('ECONNRESET'),
  'cut early': reset('ECONNRESET', { isCutEarly: true }),
  'cut record': reset('ERR_SSL_BAD_RECORD_TYPE'),
  'no HTTP': reset('HTTPParserError'),
  'half a 503': reset('ECONNRESET', { status: 503 }),
  'not to be decoded': failed('ERR_CONTENT_DECODING', {}, { status: 200 }),
  'too large': failed('ERR_RESPONSE_TOO_LARGE', {}, { status: 200 }),
  EUNKNOWN: failed('EUNKNOWN'),

  'no secret file': failed('ERR_SECRET_FILE'),
  'proxy away': atProxy('ECONNREFUSED'),
  'proxy late': atProxy('ETIMEDOUT'),
  'proxy 403': atProxy('ERR_PROXY_TUNNEL', 403),
  'proxy 407': atProxy('ERR_PROXY_TUNNEL', 407),
  'proxy unknown': atProxy('UNABLE_TO_VERIFY_LEAF_SIGNATURE'),
  'behind proxy 502': failed('ERR_PROXY_TUNNEL', { family: 'connect', proxyStatus: 502 }),
  'behind proxy 500': failed('ERR_PROXY_TUNNEL', { family: 'connect', proxyStatus: 500 }),

  'token refused': noToken('invalid_client', { status: 401 }),
  'token server away': noToken('ECONNREFUSED')
}

/** Columns are two blanks or more apart; ends that are told in one row, too. */
const TABLE = `
message        message                 yes  no   no         request             400  406  409  411  414  415  422  418  fault of sender
message        message                 yes  no   no         too-large           413  fault of size
message        message                 yes  no   no         operation           fault of operation
message        message                 yes  no   no         soap-action         fault of action
message        message                 yes  no   no         -                   AR  400 CR
message        message                 yes  yes  no         -                   AE  500 CE

receiver       node                    no   no   yes        unreachable         ECONNREFUSED  handshake late
receiver       node                    no   no   yes        tls-cut             handshake cut
receiver       node                    no   no   yes        tls                 EPROTO
receiver       node                    no   no   yes        http2               HTTP/2 only
receiver       node                    no   no   yes        tls-expired         CERT_HAS_EXPIRED
receiver       node                    no   no   yes        tls-name            other name
receiver       node                    no   no   yes        tls-ca              SELF_SIGNED_CERT_IN_CHAIN  DEPTH_ZERO_SELF_SIGNED_CERT
receiver       node                    no   no   yes        tls-ca              UNABLE_TO_VERIFY_LEAF_SIGNATURE
receiver       node                    no   no   yes        behind-proxy        behind proxy 502  behind proxy 500
receiver       node                    no   no   yes        unavailable         503
receiver       node                    no   no   yes        cut-answer          half a 503
receiver       node                    no   yes  yes        behind-gateway      502  504  Varnish 503
receiver       node                    no   yes  yes        own-limit           late 503  late 408
receiver       node                    no   yes  yes        fallback            a fallback
receiver       node                    no   no   no         not-found           404  405  410  501
receiver       node                    no   no   no         binary              Mirth took it for binary
receiver       node                    no   no   no         redirect            301  308
receiver       node                    no   no   no         too-many            429

credentials    node, as after a login  no   no   no         denied              401  redirect to login  page of login with 403
credentials    node, as after a login  no   no   no         login               fault of login
credentials    node, as after a login  no   no   no         login-page          page of login
credentials    node, as after a login  no   no   no         large-token         431  page for headers  large headers by size
credentials    node, as after a login  no   no   no         client-certificate  page for TLS  own certificate  own key
credentials    node                    no   no   no         denied              403
credentials    node                    no   no   no         secret-file         no secret file
credentials    node                    no   no   no         firewall            page of firewall

proxy          node, as after a login  no   no   no         proxy               407  proxy 407
proxy          node                    no   no   no         proxy               proxy 403  proxy unknown
proxy          node                    no   no   no         proxy-away          proxy away  proxy late

token server   node                    no   no   no         token-refused       token refused
token server   node                    no   no   no         token-unreachable   token server away

nobody knows   message                 yes  yes  no         no-ack              200
nobody knows   message                 yes  yes  no         web-page            a web page
nobody knows   message                 yes  yes  no         failed              500  505  520  599  fault unknown
nobody knows   message                 yes  yes  no         late                late
nobody knows   message                 yes  yes  no         cut                 cut  cut early
nobody knows   message                 yes  yes  no         cut-answer          cut record
nobody knows   message                 yes  yes  no         unreadable          no HTTP  not to be decoded  too large
nobody knows   message                 yes  no   no         failed              408  425
nobody knows   message                 yes  no   no         -                   EUNKNOWN
`

describe('the fault of an attempt', () => {
  for (const line of TABLE.split('\n').filter(Boolean)) {
    const [of, waits, counts, arrived, turnsToBackup, about, ...ends] = line.split(/ {2,}/)
    for (const end of ends) {
      it(`${end}: ${about ?? ''}`, () => {
        const facts = ENDS[end] ?? replied(Number(end))
        const fault = faultOf(facts)
        assert.deepEqual(
          [fault?.of, fault?.waits, fault?.counts, fault?.mayHaveArrived, fault?.turnsToBackup],
          [of, waits, counts === 'yes', arrived === 'yes', turnsToBackup]
        )
        assert.equal(fault?.about ?? '-', about)
      })
    }
  }

  it('is the receiver’s if nothing answers behind that door, three times in a row', () => {
    const cut = ENDS['cut early'] ?? assert.fail()
    assert.equal(faultOf(cut, { cutsInARow: 2 })?.waits, 'message')
    const { of, waits, counts, mayHaveArrived, turnsToBackup, about } =
      faultOf(cut, { cutsInARow: 3 }) ?? {}
    assert.deepEqual(
      [of, waits, counts, mayHaveArrived, turnsToBackup, about],
      ['receiver', 'node', true, true, 'yes', 'cut']
    )
    // Of a connection that was cut later, it says nothing.
    assert.equal(faultOf(ENDS['cut'] ?? assert.fail(), { cutsInARow: 3 })?.waits, 'message')
  })

  it('is none if the message was accepted', () => {
    for (const kind of ['accept', 'await'] as const) {
      assert.equal(faultOf(resultOf(kind)), undefined)
    }
  })

  it('lets a server ask for rest with 408, 425, 429 and 503', () => {
    const asking = Array.from({ length: 500 }, (_, at) => 100 + at).filter(
      (status) => faultOf(replied(status))?.mayAskForRest
    )
    assert.deepEqual(asking, [408, 425, 429, 503])
  })

  it('may be another’s who knows no better, of a message that was refused with 408 or 503', () => {
    const unsure = Array.from({ length: 500 }, (_, at) => 100 + at).filter(
      (status) => faultOf(replied(status))?.saidNotTaken
    )
    assert.deepEqual(unsure, [408, 503])
  })

  it('shows that HL7’s application is there with a status about what a message contains', () => {
    const answers = Array.from({ length: 500 }, (_, at) => 100 + at).filter(
      (status) => faultOf(replied(status))?.isOfApplication
    )
    assert.deepEqual(answers, [400, 409, 413, 415, 422])
  })
})

describe('what a failure is about', () => {
  it('is told of a code where no more is known', () => {
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
      ['HTTP 503', '', 'token-server-error'],
      ['ECONNREFUSED', '', 'token-unreachable'],
      ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', '', 'token-tls'],
      ['EPROTO', '', 'token-tls'],
      ['ERR_SECRET_FILE', '', 'token-file'],
      ['ERR_ASSERTION_FILE', '', 'token-file'],
      ['ERR_TOKEN_REFUSED', '', 'token-not-accepted'],
      ['invalid_scope', '', 'token-other']
    ] as const) {
      assert.equal(topicOfToken(code, grant), topic, `${code} ${grant}`)
    }
  })

  it('calls somebody soon where it does not pass by itself', () => {
    for (const topic of ['token-file', 'token-refused', 'token-tls', 'secret-file', 'tls']) {
      assert.equal(needsSomebody(topic, ''), true, topic)
    }
    for (const topic of ['token-unreachable', 'token-server-error', 'unreachable']) {
      assert.equal(needsSomebody(topic, ''), false, topic)
    }
  })

  it('says whether its time counts', () => {
    for (const topic of [
      'behind-gateway',
      'binary',
      'client-certificate',
      'fallback',
      'firewall',
      'login',
      'login-page',
      'own-limit',
      'proxy'
    ] as const) {
      assert.equal(isCounted(topic), false, topic)
    }
    for (const topic of ['cut', 'failed', 'late', 'request'] as const) {
      assert.equal(isCounted(topic), true, topic)
    }
  })
})
