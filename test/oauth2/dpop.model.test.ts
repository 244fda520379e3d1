import assert from 'node:assert/strict'
import { after, before, describe, it, mock } from 'node:test'
import fc from 'fast-check'
import type { AttemptResult } from '../../src/delivery/attempt-result.ts'
import { Courier } from '../../src/delivery/courier.ts'
import { readOutgoingMessage } from '../../src/hl7/outgoing-message.ts'
import { Receiver } from '../../src/https/receiver.ts'
import { DpopProofs } from '../../src/oauth2/dpop-proofs.ts'
import { TokenSource } from '../../src/oauth2/token-source.ts'
import { parseReplyRules } from '../../src/rules/reply-rules.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { tokenSettings } from '../support/token-settings.ts'
import {
  DpopWorld,
  HL7_URL,
  LIFETIME,
  TOKEN_URL,
  type Answered,
  type NonceUse
} from './dpop-model.ts'

/** A node since its last start. */
class Node {
  readonly tokens: TokenSource
  readonly number: number
  readonly #courier: Courier

  constructor(world: DpopWorld, number: number) {
    this.number = number
    const settings = { tokenEndpoint: TOKEN_URL, clientSecret: 'not-so-secret', dpop: true }
    const httpClient = world.client(number)
    this.tokens = new TokenSource(tokenSettings(settings), {
      ...{ httpClient, clock: world.clock, random: () => 0.5 }
    })
    this.#courier = new Courier({
      receiver: new Receiver(
        {
          ...{ url: new URL(HL7_URL), method: 'POST', tokenPlacement: 'header' },
          ...{ authHeader: 'Authorization', authScheme: 'DPoP', headers: [], formFields: [] },
          ...{ userAgent: 'test/1', format: 'raw', contentType: '', bodyField: 'message' },
          ...{ bodyFileName: 'm.hl7', bodyPartType: 'text/plain', bodyEncoding: 'text' }
        },
        httpClient
      ),
      tokens: this.tokens,
      refreshOnStatus: new Set([401]),
      rules: parseReplyRules(''),
      reply: { replyEncoding: 'auto' },
      secrets: []
    })
  }

  attempt(controlId: string): Promise<AttemptResult> {
    const text = `MSH|^~\\&|A|B|C|D|20260102||ADT^A01|${controlId}|P|2.5.1\r`
    const message = readOutgoingMessage(text, 'auto')
    return this.#courier.attempt({ message, input: {}, responseTimeoutMs: 2000 })
  }
}

const node = fc.nat(1)
const server = fc.constantFrom('tokens' as const, 'receiver' as const)
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('send' as const), node }) },
  // Several answers may arrive at the same moment.
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('answer' as const),
      which: fc.array(fc.nat(7), { minLength: 1, maxLength: 3 })
    })
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('nonces' as const),
      server,
      use: fc.constantFrom<NonceUse>('off', 'kept', 'once', 'once', 'unusable')
    })
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('start' as const), node }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('tokens' as const),
      type: fc.constantFrom('DPoP', 'DPoP', 'Bearer', undefined),
      down: fc.boolean()
    })
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('refuse' as const), node }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('doubt' as const), doubts: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('pass' as const),
      seconds: fc.oneof(fc.nat(20), fc.nat(400))
    })
  }
)

describe('tokens with DPoP, whatever happens', () => {
  /** Proofs that are being made: by a thread of Node.js, so nothing else tells. */
  let making = 0
  before(() => {
    type Make = (...given: Parameters<DpopProofs['proof']>) => Promise<string>
    const proof: Make = Reflect.get<DpopProofs, 'proof'>(DpopProofs.prototype, 'proof')
    const counted = async function (this: DpopProofs, ...given: Parameters<Make>) {
      making++
      const made = Reflect.apply(proof, this, given)
      await Promise.allSettled([made])
      making--
      return made
    }
    mock.method(DpopProofs.prototype, 'proof', counted)
  })
  after(() => {
    mock.restoreAll()
  })

  /** Until everything that takes no time has happened. */
  async function quiet(): Promise<void> {
    const end = performance.now() + 20_000
    for (let turns = 0; turns < 10; turns = making === 0 ? turns + 1 : 0) {
      await new Promise(setImmediate)
      if (performance.now() > end) assert.fail('a proof is never ready')
    }
  }

  it('go with proofs of their own key, and a challenge costs neither token nor attempt', async () => {
    /** How often it came to what this is about. */
    const came = new Map<string, number>()
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), async (steps) => {
        const world = new DpopWorld(new FakeClock())
        let starts = 0
        const start = (): Node => new Node(world, ++starts)
        const nodes = [start(), start()]
        const results = new Map<string, AttemptResult>()
        let sent = 0
        /** Attempts that have not ended, and whose they are. */
        const active = new Map<string, number>()

        const send = (from: Node): void => {
          const controlId = `M${++sent}`
          active.set(controlId, from.number)
          void from
            .attempt(controlId)
            .then((result) => results.set(controlId, result))
            .catch((error: unknown) => world.faults.push(String(error)))
            .finally(() => active.delete(controlId))
        }
        /** Until each attempt waits for an answer, its own or that to the token request. */
        const settled = async (): Promise<void> => {
          await quiet()
          for (const [controlId, node] of active) {
            const waits = world.pending.some(
              (one) => one.controlId === controlId || (one.to === 'tokens' && one.node === node)
            )
            assert.ok(waits, 'an attempt neither ends nor waits')
          }
        }

        for (const one of steps) {
          switch (one.do) {
            case 'send':
              send(nodes[one.node] as Node)
              break
            case 'answer': {
              const chosen = world.pending.filter((_pending, at) => one.which.includes(at))
              await Promise.all(chosen.map((pending) => pending.answer()))
              break
            }
            case 'nonces': {
              const nonces = world.nonces[one.server]
              nonces.use = one.use
              nonces.kept = `kept-${sent}-${world.answered.length}`
              break
            }
            case 'start':
              nodes[one.node]?.tokens.close()
              nodes[one.node] = start()
              break
            case 'tokens':
              world.tokenType = one.type
              world.down = one.down
              break
            case 'refuse': {
              const used = world.answered.filter(({ to }) => to === 'receiver').at(-1 - one.node)
              const issued = used && world.issued.get(used.token)
              if (issued !== undefined) issued.refused = true
              break
            }
            case 'doubt':
              world.doubts = one.doubts
              break
            case 'pass':
              // The client waits for no answer that long.
              if (world.pending.some(({ to }) => to === 'tokens')) break
              world.clock.pass(one.seconds * 1000)
              break
          }
          await settled()
        }
        while (active.size > 0) {
          await world.pending[0]?.answer()
          await settled()
        }
        assert.deepEqual(world.faults, [])
        assertKeys(world)
        for (const [controlId, result] of results) assertAttempt(world, controlId, result)
        for (const one of nodes) {
          assertTokens(world, one)
          one.tokens.close()
        }
        for (const { to, problem } of world.answered) {
          came.set(`${to} ${problem}`, (came.get(`${to} ${problem}`) ?? 0) + 1)
        }
      }),
      { numRuns: 200 }
    )
    for (const what of [
      ...['tokens ', 'tokens use_dpop_nonce', 'tokens temporarily_unavailable', 'receiver '],
      ...['receiver use_dpop_nonce', 'receiver invalid_token', 'receiver invalid_dpop_proof']
    ]) {
      assert.ok((came.get(what) ?? 0) > 20, `${what}: ${came.get(what)}`)
    }
  })
})

/** One key for each node since its start, which no other has. */
function assertKeys({ answered }: DpopWorld): void {
  const pairs = new Set(answered.map(({ node, key }) => `${node} ${key}`))
  assert.equal(pairs.size, new Set(answered.map(({ node }) => node)).size, 'one key for each node')
  assert.equal(pairs.size, new Set(answered.map(({ key }) => key)).size, 'a key for one node')
}

/** Whether a request is repeated with the nonce of its answer; another challenge ends that. */
function isRepeated({ problem, brought }: Answered): boolean {
  return /^(use_dpop_nonce|invalid_dpop_proof)$/.test(problem) && brought !== undefined
}

/** Two tokens at most, each sent again only with the nonce that a challenge brought. */
function assertAttempt(world: DpopWorld, controlId: string, { decision }: AttemptResult): void {
  const requests = world.answered.filter((one) => one.controlId === controlId)
  const byToken = [...Map.groupBy(requests, ({ token }) => token).values()]
  assert.ok(byToken.length <= 2, 'three tokens in one attempt')
  for (const [first, second, third] of byToken) {
    assert.ok(first)
    assert.equal(second !== undefined, isRepeated(first), first.problem)
    if (second !== undefined) assert.equal(second.nonce, first.brought)
    assert.equal(third, undefined)
  }
  const [replaced] = byToken
  if (byToken.length === 2) assert.equal(replaced?.at(-1)?.problem, 'invalid_token')
  assert.equal(decision.outcome === 'accept', requests.at(-1)?.problem === '')
}

/** Tokens are fetched when one was refused or is old, and a challenge does not count. */
function assertTokens({ answered, issued }: DpopWorld, node: Node): void {
  const own = answered.filter((one) => one.node === node.number)
  const expected = { ok: 0, error: 0 }
  let challenge: Answered | undefined
  let current: Answered | undefined
  let refused = false
  for (const one of own) {
    const { to, token, problem } = one
    if (to === 'receiver') {
      refused ||= problem === 'invalid_token' && token === current?.token
      continue
    }
    if (challenge !== undefined) assert.equal(one.nonce, challenge.brought)
    const repeats = challenge === undefined && problem === 'use_dpop_nonce' && isRepeated(one)
    challenge = repeats ? one : undefined
    if (repeats) continue
    if (problem !== '' || issued.get(token)?.type !== 'DPoP') {
      expected.error++
      continue
    }
    expected.ok++
    const seconds = (one.askedAt - (current?.askedAt ?? 0)) / 1000
    const isDue = refused || seconds >= 0.8 * LIFETIME
    assert.ok(isDue, `${token} after ${seconds} s`)
    current = one
    refused = false
  }
  assert.deepEqual(node.tokens.requests, expected)
}
