import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { mirthRules } from '../../nodes/editor/import/mirth-rules.ts'
import { readAcknowledgement } from '../../src/hl7/acknowledgement.ts'
import { readReplyMessage } from '../../src/hl7/reply-message.ts'
import type { Attempt } from '../../src/rules/attempt.ts'
import { decide } from '../../src/rules/decide.ts'
import { parseReplyRules } from '../../src/rules/reply-rules.ts'

const sent = { controlIds: ['M1'], type: 'ADT^A01', replyDue: true }
const usual = { successful: 'AA,CA', error: 'AE,CE', rejected: 'AR,CR' }

function answer(status: number, text: string): Attempt {
  const message = readReplyMessage(text)
  const ack = message === null ? null : readAcknowledgement(message)
  return { sent, status, reply: { text, empty: text === '', message, ack } }
}
const acknowledged = (code: string, id = 'M1'): Attempt =>
  answer(200, `MSH|^~\\&|||||||ACK\rMSA|${code}|${id}\r`)
const refused: Attempt = {
  sent,
  error: { code: 'ECONNREFUSED', family: 'connect', text: 'connect ECONNREFUSED' }
}

/** What the runtime does: the outcome, and how often it tries again. */
function does(rules: string, attempt: Attempt): string {
  const { outcome, retry, mostRetries } = decide(parseReplyRules(rules), attempt)
  return retry ? `retry ${mostRetries ?? 'for ever'}, then ${outcome}` : outcome
}

describe('what a destination of Mirth does about replies, done by the rules that replace it', () => {
  it('without a queue: so many retries, also of refusals that it looks at', () => {
    const rules = mirthRules({ hasQueue: false, retryCount: 3, validates: true, ...usual })
    assert.match(rules, /^\(E,:\?E,:\?R\)=R3F,/)
    assert.equal(does(rules, acknowledged('AA')), 'accept')
    for (const attempt of [acknowledged('AE'), acknowledged('CR'), answer(503, ''), refused]) {
      assert.equal(does(rules, attempt), 'retry 3, then fail')
    }
    assert.equal(does(rules, answer(200, 'OK')), 'fail')
  })

  it('that does not look: errors are retried, and refusals still are refusals', () => {
    const rules = mirthRules({ hasQueue: false, retryCount: 2, validates: false })
    assert.equal(does(rules, answer(400, '')), 'retry 2, then fail')
    assert.equal(does(rules, acknowledged('AE')), 'fail')
  })

  it('with a queue: what fails is tried for ever, a refusal is not', () => {
    const rules = mirthRules({ hasQueue: true, retryCount: 2, validates: true, ...usual })
    for (const attempt of [answer(400, ''), answer(500, 'x'), refused]) {
      assert.equal(does(rules, attempt), 'retry for ever, then fail')
    }
    assert.equal(does(rules, acknowledged('AR')), 'fail')
    assert.equal(does(rules, acknowledged('AA')), 'accept')
  })

  it('that compares the control ID: another one fails', () => {
    const replies = { hasQueue: false, retryCount: 0, validates: true, ...usual }
    assert.equal(does(mirthRules({ ...replies, checksId: true }), acknowledged('AA', 'M2')), 'fail')
    assert.equal(mirthRules({ ...replies, checksId: false }), '')
  })

  it('that accepts everything, if its user wants that: every 2xx, and nothing else', () => {
    const rules = mirthRules({
      ...{ hasQueue: false, retryCount: 0, validates: false },
      accepts2xx: true
    })
    for (const attempt of [answer(200, ''), answer(202, 'OK'), acknowledged('AR')]) {
      assert.equal(does(rules, attempt), 'accept')
    }
    assert.equal(does(rules, answer(400, '')), 'fail')
    assert.match(does(rules, answer(503, '')), /^retry/)
  })

  it('with codes of its own: what is not named as a success fails', () => {
    const rules = mirthRules({
      ...{ hasQueue: false, retryCount: 0, validates: true },
      ...{ successful: 'AA, OK', error: 'AE', rejected: 'AR,X)=C' }
    })
    assert.equal(does(rules, acknowledged('OK')), 'accept')
    assert.equal(does(rules, acknowledged('CA')), 'fail')
    assert.equal(does(rules, acknowledged('CE')), 'fail')
    assert.equal(does(rules, acknowledged('X')), 'fail')
  })
})
