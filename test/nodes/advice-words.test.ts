/** The words of the advice, by what is known: what is said of one failure depends on the others. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { adviceOf, type AdviceFacts } from '../../nodes/flow/advice.ts'
import { conditionsOf } from '../../nodes/flow/conditions.ts'
import type { DeliveryState, Retry } from '../../src/delivery/delivery-state.ts'
import { TokenError, type TokenErrorFacts } from '../../src/oauth2/token-error.ts'
import { troubleOf } from '../../src/oauth2/token-status.ts'
import type { GivenUp } from '../../src/queue/figures.ts'
import { NO_VERDICT } from '../../src/queue/message-row.ts'
import { toldInEnglish } from '../../src/told-in-english.ts'
import { conditionFacts } from '../support/condition-facts.ts'

const NAMES: AdviceFacts['names'] = {
  host: 'lab.example',
  backup: '',
  server: 'login.example',
  client: 'ward',
  proxy: '',
  grant: 'client_credentials',
  hasSecret: true,
  isBlankAround: false
}

type Known = Parameters<typeof conditionFacts>[1] & Partial<Omit<AdviceFacts, 'stands'>>

function advised(delivery: Partial<DeliveryState>, known: Known = {}): string {
  const facts: AdviceFacts = {
    ...{ names: NAMES, contact: '', contentDays: 0, isDurable: true },
    giveUp: { afterMs: 900_000, whileUnreachable: false },
    isNakWired: true,
    ...known,
    ...conditionFacts(delivery, known)
  }
  const advice = adviceOf(
    conditionsOf(facts, () => 0),
    facts
  )
  return advice === undefined ? '' : toldInEnglish(advice)
}

/** What is said of messages that are retried. */
function retried(
  retry: Partial<Retry>,
  delivery: Partial<DeliveryState> = {},
  known: Known = {}
): string {
  const one = { controlId: 'CO0042', attempts: 1, waitMs: 1000, cause: '500', ...retry }
  return advised({ state: 'retrying', retrying: 1, queued: 2, retry: one, ...delivery }, known)
}

/** A failure as the table of `fault.ts` has it, and what is said of it first and last. */
const FAILURES: [retry: Partial<Retry>, first: string, last: string][] = [
  [
    { cause: 'ECONNREFUSED', about: 'unreachable' },
    'The receiver lab.example cannot be reached (ECONNREFUSED).',
    'Check that it is running, and the network in between.'
  ],
  [{ cause: 'EPROTO', about: 'tls' }, 'There is no secure connection to the receiver', ''],
  [
    { cause: 'SELF_SIGNED_CERT_IN_CHAIN', about: 'tls-ca' },
    'The certificate of the receiver lab.example was issued by a CA that is not trusted here',
    'Ask its operator whether it has been renewed'
  ],
  [
    { cause: 'ECONNRESET', about: 'tls-cut' },
    'The receiver lab.example closes the connection in the TLS handshake (ECONNRESET).',
    'does it want a client certificate?'
  ],
  [
    { cause: 'ERR_SSL_X', about: 'client-certificate' },
    'The receiver lab.example does not accept the client certificate of this node',
    'Choose a certificate that it knows'
  ],
  [
    { cause: 'ERR_SSL_X', about: 'cut-answer', mayHaveArrived: true },
    'The receiver lab.example breaks the connection off while it replies (ERR_SSL_X, try 2',
    'The receiver may have CO0042 already.'
  ],
  [
    { cause: 'ECONNREFUSED', about: 'proxy-away' },
    'The proxy squid:3128 cannot be reached (ECONNREFUSED), and so neither can lab.example.',
    ''
  ],
  [
    { cause: 'ERR_PROXY_TUNNEL', about: 'behind-proxy' },
    'The proxy squid:3128 does not reach the receiver lab.example (ERR_PROXY_TUNNEL).',
    'and that the proxy can reach them.'
  ],
  [{ cause: '401', about: 'denied' }, 'The receiver lab.example denies access (HTTP 401)', ''],
  [
    { cause: '404', about: 'not-found' },
    'The receiver lab.example does not know the address (HTTP 404)',
    'If it never worked, check the path'
  ],
  [{ cause: '413', about: 'too-large' }, 'The message is too large', 'raise the limit'],
  [
    { cause: '415', about: 'request' },
    'The receiver lab.example does not accept the request in this form',
    'Check Body format'
  ],
  [
    { cause: '429', about: 'too-many' },
    'The receiver lab.example gets too many messages at a time (HTTP 429)',
    'set a Rate limit'
  ],
  [
    { cause: '500', about: 'failed', mayHaveArrived: true },
    'The receiver lab.example fails (HTTP 500, try 2 of CO0042)',
    'If only CO0042 fails, suspend it: the others then go on.'
  ],
  [
    { cause: '504', about: 'behind-gateway', mayHaveArrived: true },
    'The gateway in front of the receiver lab.example got no valid answer from the receiver',
    'the operator of the receiver has to get it running'
  ],
  [
    { cause: '503', about: 'unavailable' },
    'The receiver lab.example is not available (HTTP 503)',
    'If it never worked, check the path'
  ],
  [{ cause: '403', about: 'firewall' }, 'A gateway or firewall', ''],
  [{ cause: '200', about: 'login-page' }, 'At lab.example, a web page asks for a login', ''],
  [
    { cause: '500', about: 'login' },
    'The receiver lab.example refuses the login in the message (HTTP 500).',
    ''
  ]
]

describe('what is said of a failure', () => {
  for (const [retry, first, last] of FAILURES) {
    it(`names whose it is, that nothing is lost, and what to do: ${retry.about}`, () => {
      const text = retried(retry, {}, { names: { ...NAMES, proxy: 'squid:3128' } })
      assert.ok(text.startsWith(first), text)
      assert.ok(text.includes(last), text)
      assert.match(text, /2 messages wait on disk; nothing is lost\. They are sent automatically/)
    })
  }

  it('is not that what is in memory is on disk', () => {
    const refused = { cause: 'ECONNREFUSED', about: 'unreachable' } as const
    assert.match(
      retried(refused, { queued: 1 }, { isDurable: false }),
      /1 message waits in memory: if Node-RED stops, it is lost\./
    )
  })

  it('has beside it what is suspended, and what is gone', () => {
    const known = { stands: { givenUp: { count: 1, since: 0, cause: '415' } } } as const
    assert.match(
      retried({ cause: '503', about: 'unavailable' }, { suspended: 1 }, known),
      /Also, 1 message is suspended: resend or discard it\. .*Also, 1 message was given up, and went to Catch nodes/
    )
  })
})

describe('what is said where nothing fails', () => {
  it('is who paused it and why, and what waits', () => {
    const paused = { at: 0, by: 'ward', reason: 'ward moves' }
    assert.equal(
      advised({ state: 'paused', paused, queued: 2 }),
      'Paused by ward: “ward moves”. Nothing is sent. 2 messages wait on disk; nothing is lost. Resume the node once the reason is gone.'
    )
  })

  it('is that the sender is silent, and not the node', () => {
    assert.match(
      advised({}, { quietSeconds: 900 }),
      /^No message has come in for 15 min\. This node is all right: ask those who send/
    )
  })

  it('is how long the old token is good, if there is no new one', () => {
    const token = { state: 'refresh failing', validUntil: 1_600_000 } as const
    const trouble = { code: 'invalid_client', message: '', hint: '', permanent: true }
    assert.equal(
      advised({}, { token: { ...token, ...trouble }, now: 1_000_000 }),
      'The token server login.example does not renew the token (invalid_client). Messages are sent until it expires in 10 min; after that they wait. It refuses client ward. Check Client ID and secret in the OAuth 2.0 node: has the secret expired, or been changed?'
    )
  })

  it('is which type the receiver refuses, and whose that is', () => {
    const refusing = (error: string): string =>
      advised(
        {},
        {
          stands: {
            refusing: [{ type: 'ADT^A40', count: 6, since: 0, ackCode: 'AE', error }]
          }
        }
      )
    assert.match(
      refusing('103'),
      /refuses every message of type ADT\^A40: AE 103 Table value not found, 6 in a row.*None of them waits.*have the sender correct the data/
    )
    assert.match(refusing('207'), /the receiver's own trouble: call its operator/)
  })

  it('is what the receiver said of those that are suspended, or did not say', () => {
    const suspended = (verdict: Partial<typeof NO_VERDICT>): string =>
      advised({ suspended: 2, suspendedFor: { ...NO_VERDICT, ...verdict } })
    assert.match(
      suspended({ ackCode: 'AE', errors: [{ code: '206', severity: 'E' }], rule: ':?E=S' }),
      /^2 messages are suspended by rule :\?E=S: the receiver lab\.example answered AE 206 Application record locked\. .*resend them, one first, or discard them\./
    )
  })
})

describe('what becomes of a message in the end', () => {
  const refused = { cause: '400', about: 'request' }
  for (const [rule, said] of [
    [
      'E=RF',
      '; each is given up 15 min after its first try, and goes to Catch nodes, if there are any. Pause the node to stop that clock.'
    ],
    ['E=RS', '; each is suspended 15 min after its first try. Pause'],
    ['E=RD', '; 15 min after its first try of one of them, the node pauses. Pause'],
    [
      'E#400=R20S',
      '; each is suspended after 20 retries, or 15 min after its first try if that is earlier. Pause'
    ],
    ['E=R3F', '; each is given up after 3 retries, or 15 min after its first try if that is'],
    ['', '; each is given up 15 min after its first try, and goes to Catch'],
    ['E*a rule that was cut in the mid…', '; each is given up 15 min after its first try']
  ] as const) {
    it(`is said as the rule has it: ${rule}`, () => {
      const text = retried({ ...refused, rule })
      assert.ok(text.includes(`They are sent automatically once this works again${said}`), text)
    })
  }

  it('also where only retries end it', () => {
    const outage = { cause: '503', about: 'unavailable', rule: 'E#503=R2S' }
    assert.match(
      retried(outage, { queued: 1 }),
      /it is suspended after 2 retries\. There is nothing/
    )
  })
})

describe('what others get meanwhile', () => {
  const through = { acked: 49 }
  for (const [what, retry, delivery, said] of [
    [
      'a 503 that holds up all',
      { cause: '503', about: 'unavailable' },
      { ...through, isOutage: true },
      /^The receiver lab\.example is not available \(HTTP 503\)\./
    ],
    [
      'a 503 to one, while others are acknowledged',
      { cause: '503', about: 'unavailable' },
      through,
      /^The receiver lab\.example turns some messages away \(HTTP 503, try 2 of CO0042\), and takes others\. .*set a Rate limit/
    ],
    [
      'a time limit of the receiver, that has ended three times',
      { cause: '503', about: 'own-limit', mayHaveArrived: true },
      { ownLimitMs: 5012 },
      /breaks off after 5 s each time .*may have CO0042 already.*suspend it: the others then go on/s
    ],
    [
      'a 403 with a page, where nothing got through',
      { cause: '403', about: 'firewall' },
      {},
      /refuses this machine, this client or how often it sends, or this message/
    ],
    [
      'a 403 with a page, while others get through',
      { cause: '403', about: 'firewall' },
      through,
      /refuses this message or its content type \(HTTP 403, .*, and lets others through/
    ],
    ['a cut', { cause: 'ECONNRESET', about: 'cut' }, {}, /does it want a client certificate\?/],
    [
      'a cut, while others are acknowledged',
      { cause: 'ECONNRESET', about: 'cut' },
      through,
      /without a reply \(ECONNRESET, try 2 of CO0042\)(?!.*certificate)/
    ]
  ] as const) {
    it(`counts: ${what}`, () => {
      assert.match(retried(retry, delivery), said)
    })
  }
})

describe('a refused token', () => {
  const none = (facts: Partial<TokenErrorFacts>, names: Partial<typeof NAMES> = {}): string => {
    const error = new TokenError('No.', { code: 'x', hints: [], permanent: true, ...facts })
    const token = { state: 'none', ...troubleOf(error) } as const
    const delivery = { state: 'retrying', queued: 1 } as const
    return advised(delivery, { token, names: { ...NAMES, ...names } })
  }
  const refused = { code: 'ERR_TOKEN_REFUSED', host: 'lab.example' }

  it('names the receiver that refuses it, and the token server that it is from', () => {
    assert.match(
      none({ ...refused, hints: [{ key: 'receiverUnknown', values: { host: 'lab.example' } }] }),
      /^The receiver lab\.example refuses even fresh tokens of login\.example\. .*Check Scope and/
    )
  })

  it('may be the login in the message, and then is not about a scope', () => {
    const text = none({ ...refused, hints: [{ key: 'receiverFault' }] })
    assert.match(text, /refuses the login with a SOAP fault, .*Check user name and password/)
    assert.doesNotMatch(text, /Scope/)
  })

  it('has a secret that expired only where there is one', () => {
    const error = { code: 'invalid_client', host: 'login.example' }
    assert.match(none(error), /has the secret expired, or been changed\?/)
    assert.match(none(error, { hasSecret: false }), /Check Client ID .*, and the key, certificate/)
    assert.doesNotMatch(none(error, { hasSecret: false }), /secret/)
  })

  it('is not what a proxy on the way is about', () => {
    for (const code of ['ECONNREFUSED', 'ERR_PROXY_TUNNEL']) {
      assert.match(
        none({ code, host: 'login.example', atProxy: true }),
        /^The proxy in front of the token server login\.example does not let requests through .*password/
      )
    }
    const wantsLogin = { code: 'ERR_HTTP_STATUS', hints: [{ key: 'proxyLogin' as const }] }
    assert.match(none(wantsLogin), /^The proxy in front/)
    assert.match(
      retried({ cause: 'ECONNREFUSED', about: 'token-proxy' }),
      /^The proxy in front of the token server/
    )
  })

  it('is not there at all where the node sends none', () => {
    const names = { ...NAMES, server: '' }
    assert.match(
      retried({ cause: '401', about: 'denied' }, {}, { names }),
      /and this node sends no token\. .*Check the credentials in the headers and the fields/
    )
  })
})

describe('what has left', () => {
  const given = (about: string, cause: string, known: Known = {}): string => {
    const givenUp: GivenUp = { count: 1, since: 990_000, cause, about }
    return advised({ failed: 1 }, { ...known, stands: { givenUp } })
  }

  it('went to Catch nodes, if there are any; and is kept, or not', () => {
    assert.match(
      given('request', '400', { contentDays: 7 }),
      /^1 message was given up 10 s ago and went to Catch nodes, if there are any\. .* Once the cause is gone, send it again: its content is kept here for 7 days\.$/
    )
    assert.match(
      given('request', '400'),
      /Its content is not kept here: once the cause is gone, have the sender repeat it, and press I have it\.$/
    )
  })

  it('is told in the past once another message got an answer, unless it is about the message', () => {
    const since = (about: string, cause: string): string =>
      advised(
        { failed: 1, lastOutcome: { outcome: 'ack', code: 'AA' } },
        { stands: { givenUp: { count: 1, since: 990_000, cause, about } } }
      )
    assert.match(since('unreachable', 'ECONNREFUSED'), /Cause then: ECONNREFUSED\. Since then mess/)
    assert.doesNotMatch(since('unreachable', 'ECONNREFUSED'), /cannot be reached/)
    assert.match(since('too-large', '413'), /The message is too large/)
    assert.match(given('unreachable', 'ECONNREFUSED'), /cannot be reached/)
  })

  it('one after the other, for any reason, is a reason to pause first', () => {
    const said = (count: number, known: Partial<DeliveryState> = {}): string =>
      advised(
        { failed: count, lastOutcome: { outcome: 'error', code: '' }, ...known },
        { stands: { givenUp: { count, since: 990_000, cause: '413', about: 'too-large' } } }
      )
    const pause = /^Pause this node: one message after the other is given up\. /
    assert.match(said(3), pause)
    assert.match(
      said(3, { retrying: 1, retry: { controlId: 'A', attempts: 1, waitMs: 0, cause: '500' } }),
      pause
    )
    assert.doesNotMatch(said(2), pause)
    assert.doesNotMatch(said(3, { lastOutcome: { outcome: 'ack', code: 'AA' } }), pause)
    assert.doesNotMatch(said(3, { state: 'paused', paused: { at: 0, by: '', reason: '' } }), pause)
  })

  for (const [about, cause] of [
    ['late', 'ETIMEDOUT'],
    ['failed', '500'],
    ['cut', 'ECONNRESET'],
    ['no-ack', '200']
  ] as const) {
    it(`may have arrived: ${about}`, () => {
      const first = /The receiver may have it already: ask its operator first\./
      assert.match(given(about, cause, { contentDays: 7 }), first)
      assert.doesNotMatch(given('too-large', '413'), first)
    })
  }

  it('was refused, if it is suspended after an answer that says so', () => {
    const suspended = (status: number, cause: string): string =>
      advised({
        suspended: 1,
        suspendedFor: { ...NO_VERDICT, status, cause, rule: 'E=S', errorCode: 'x' }
      })
    assert.match(suspended(400, ''), /the receiver lab\.example refused it \(HTTP 400\)\./)
    assert.match(suspended(0, 'ECONNREFUSED'), /It has not arrived at the receiver lab\.example/)
  })
})

it('names the largest header where all are too large', () => {
  assert.match(
    retried({ cause: '431', about: 'large-token', operation: 'X-Route (20/21 kB)' }),
    /too large for the receiver lab\.example \(HTTP 431\): the largest one is X-Route \(20\/21 kB\)\. /
  )
  assert.match(retried({ cause: '431', about: 'large-token' }), /\(HTTP 431\)\. 2 messages wait/)
})

it('names the address that is asked, and both if neither is there', () => {
  const backup = { since: 500_000, isByHand: false, by: '', host: 'spare.example', waiting: 0 }
  const retry = {
    controlId: 'C1',
    attempts: 3,
    waitMs: 0,
    cause: '503',
    about: 'unavailable'
  } as const
  const said = (isOutage: boolean): string =>
    advised({ state: 'retrying', retrying: 1, queued: 1, retry, backup, isOutage })
  assert.match(
    said(true),
    /^Nothing is sent: both addresses of the receiver fail\. The first one, lab\.example, failed before 1970-01-01T00:08:20.000Z; from then on, messages went to its backup, spare\.example, which has failed since 1970-01-01T00:08:20.000Z \(HTTP 503\)\. 1 message waits on disk; nothing is lost\./
  )
  assert.match(said(false), /^The receiver spare\.example is not available/)
})

it('names what Node-RED was doing whenever it ended, if that is known', () => {
  const said = (more: object, suspended = {}): string =>
    advised(suspended, {
      stands: { ended: { count: 13, since: 0, until: 900_000, held: 1, ...more } }
    })
  assert.equal(
    said({ controlId: 'C1', times: 1 }),
    "Node-RED ended unexpectedly 13 times; it was back at 1970-01-01T00:15:00.000Z the last time. Nothing that this node had accepted is lost. Its log, or the system's, says why. Then press I have it."
  )
  assert.match(
    said({ controlId: 'C1', times: 2 }),
    /the last time\. The last 2 times, C1 was just being handed on: look at the nodes behind/
  )
  const suspendedFor = { ...NO_VERDICT, errorCode: 'ERR_ENDED_TWICE' }
  assert.match(
    said({}, { suspended: 1, suspendedFor }),
    /^1 message is suspended: Node-RED ended twice while processing it\./
  )
})

describe('whom to call', () => {
  const contact = 'HL7 desk'
  const call = /Receiver's contact: HL7 desk$/
  const paused = { at: 0, by: 'ward', reason: '' }
  for (const [what, said, isReceivers] of [
    ['a receiver that is down', retried({ cause: '503' }, {}, { contact }), true],
    ['its address', retried({ cause: '404' }, {}, { contact }), true],
    ['credentials that it refuses', retried({ cause: '401' }, {}, { contact }), true],
    ['a name that does not resolve', retried({ cause: 'ENOTFOUND' }, {}, { contact }), false],
    ['a full disk', advised({ failing: 'SQLITE_FULL' }, { contact }), false],
    ['a silent sender', advised({}, { contact, quietSeconds: 900 }), false],
    ['somebody who has paused it', advised({ state: 'paused', paused }, { contact }), false]
  ] as const) {
    it(`${isReceivers ? 'is the contact' : 'is not the contact'} of the receiver, of ${what}`, () => {
      assert.notEqual(said, '')
      assert.equal(call.test(said), isReceivers, said)
    })
  }

  it('is the network team, of a name that does not resolve', () => {
    assert.match(
      retried({ cause: 'EAI_AGAIN' }),
      /^The name of the receiver, lab\.example, does not resolve here \(EAI_AGAIN\)\. .*Ask your network team/
    )
  })
})
