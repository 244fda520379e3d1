/** What the *Reply* tab says of each kind of reply. That what is tried is what happens: test/rules/replies.test.ts. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { replyRulePresets } from '../../nodes/editor/reply-rule-presets.ts'
import { replyLines } from '../../nodes/rules/reply-lines.ts'
import type { TrialSettings } from '../../nodes/rules/rule-trial.ts'
import { english } from '../../src/english.ts'
import { parseReplyRules } from '../../src/rules/reply-rules.ts'
import { ADT } from '../support/exchange.ts'

const MINUTE = 60_000

async function lines(rules: string, settings: Partial<TrialSettings> = {}): Promise<string[]> {
  const all = await replyLines(
    {
      rules: parseReplyRules(rules),
      reply: {},
      sent: ADT,
      retry: { intervalMs: 5000, maxIntervalMs: MINUTE },
      failureTimeoutMs: 15 * MINUTE,
      failWhileUnreachable: false,
      ...settings
    },
    (key, values) => english('forms', key, values),
    'en'
  )
  return all.map(({ follows, kinds }) => `${kinds}: ${follows}`)
}

const ACK = 'AA or CA: leaves on ACK'
const NAK = 'AE, AR, any other code: leaves on NAK at once'
const AWAY = 'receiver, proxy or token server away, 429, 502, 503, 504: waits until it works'
const CALLS =
  'login refused (receiver, proxy or token server: 401, 403, 407, an expired secret), ' +
  'address or certificate refused (404, 405, 410, 431, 501, redirect): waits, and calls somebody'
const TRIED =
  '500, 408, no reply in time, connection cut, unreadable reply: tried for 15 min, then Catch'
const CATCH = 'another 4xx, 2xx without an acknowledgement: Catch at once'

describe('what becomes of each kind of reply', () => {
  for (const [preset, expected] of Object.entries({
    default: [ACK, NAK, AWAY, CALLS, TRIED, CATCH],
    acceptWarnings: [
      ACK,
      'AE whose worst severity is a warning or information: leaves on ACK, with a warning',
      NAK,
      AWAY,
      CALLS,
      TRIED,
      CATCH
    ],
    statusDecides: [
      'AA or CA, 2xx without an acknowledgement, even empty: leaves on ACK',
      'AE, AR, any other code, 400, 409, 413, 415, 422: leaves on NAK at once',
      AWAY,
      CALLS,
      TRIED,
      'another 4xx, 2xx with a web page: Catch at once'
    ],
    suspendRefusals: [
      ACK,
      'AE, AR: suspended until somebody resends or discards it',
      'any other code: leaves on NAK at once',
      AWAY,
      CALLS,
      TRIED,
      CATCH
    ],
    suspendTimeouts: [
      ACK,
      NAK,
      'receiver, proxy or token server away, 429, 503: waits until it works',
      '502, 504, 500, no reply in time, connection cut, unreadable reply: ' +
        'suspended until somebody resends or discards it',
      CALLS,
      '408: tried for 15 min, then Catch',
      CATCH
    ]
  } satisfies Record<keyof typeof replyRulePresets, string[]>)) {
    it(preset, async () => {
      const rules = replyRulePresets[preset as keyof typeof replyRulePresets]
      assert.deepEqual(await lines(rules), expected)
    })
  }

  it('is told of own rules, too: of those that no kind of reply meets, as they are', async () => {
    const told = await lines(':AE&@ERR-3:206=R5S,:?A=A,:?E=R,:?R=D,E#401=F,@*"busy"=RS,E=R3F')
    assert.deepEqual(told.slice(0, 4), [
      'AA or CA: awaits the application ACK; without one, suspended',
      'AE: tried for 15 min, then NAK',
      'AR: the node pauses until somebody resumes it',
      'any other code: leaves on NAK at once'
    ])
    assert.deepEqual(told.slice(-2), [
      'MSA-1 is AE and ERR-3 is 206: Retry (at most 5 ×), then suspend',
      'reply contains “busy”: Retry, then suspend'
    ])
    assert.ok(told.some((line) => line === '401, 2xx without an acknowledgement: Catch at once'))
    assert.ok(told.some((line) => line.endsWith('another 4xx: tried 3 times more, then Catch')))
  })

  it('takes no status for a reply whose text a rule looks for', async () => {
    const told = await lines(':?A=C,:?E=F,:?R=F,@*OK=C,@*ERR=N,@*BUSY=R')
    assert.ok(told.includes(AWAY) && told.includes(CALLS), told.join('\n'))
    assert.deepEqual(told.slice(-4), [
      CATCH,
      'reply contains “OK”: Accept',
      'reply contains “ERR”: Refuse (NAK)',
      'reply contains “BUSY”: Retry, then give up'
    ])
  })

  it('follows the times of the form', async () => {
    const never = await lines('', { failureTimeoutMs: Infinity })
    assert.ok(never.includes(AWAY.replace(':', `, ${TRIED.split(':')[0] ?? ''}:`)))
    const once = await lines('', { failureTimeoutMs: 0 })
    assert.ok(!once.some((line) => /waits|tried/.test(line)), once.join('\n'))
    const counts = await lines('', { failWhileUnreachable: true })
    assert.ok(!counts.some((line) => line.includes('waits')), counts.join('\n'))
  })
})
