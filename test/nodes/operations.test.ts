import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import type {
  AllStates,
  EventPage,
  History,
  MessageContent,
  MessagePage,
  MessageRow,
  NodeState
} from '../../nodes/operations/answers.ts'
import { adminAuth, logIn } from '../support/admin-users.ts'
import type { FlowNode } from '../support/node-red.ts'
import { adt, startWorld, type World } from '../support/world.ts'

const users = {
  watcher: ['read'],
  operator: ['read', 'hl7-https-out.write'],
  analyst: ['read', 'hl7-https-out.content'],
  stranger: ['flows.read'],
  admin: '*'
} as const
type User = keyof typeof users

interface Answer {
  status: number
  body: unknown
  text: string
}

for (const queue of ['memory', 'disk']) {
  describe(`the routes of operations (${queue})`, () => {
    let world: World
    const sessions = new Map<User, string>()
    before(async () => {
      world = await startWorld({
        settings: {
          logging: { console: { level: 'info', audit: true } },
          adminAuth: adminAuth(users)
        }
      })
      for (const user of Object.keys(users) as User[]) {
        sessions.set(user, await logIn(world.nodeRed, user))
      }
    })
    after(() => world.close())
    beforeEach(() => {
      world.receiver.respond = undefined
    })

    const props = {
      ...{ queue, replyCodeActions: ':?E=S,:?R=F,:?A=C', retryInterval: 30 },
      order: 'none'
    }

    async function as(user: User, path = '', body?: unknown): Promise<Answer> {
      const response = await fetch(`${world.nodeRed.url}/hl7-https-out${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: {
          'Content-Type': 'application/json',
          Authorization: `Bearer ${sessions.get(user)}`
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) })
      })
      const text = await response.text()
      const isJson = response.headers.get('content-type')?.startsWith('application/json') === true
      return { status: response.status, body: isJson ? JSON.parse(text) : undefined, text }
    }

    const state = async (id = 'out'): Promise<NodeState> =>
      (await as('watcher', `/${id}`)).body as NodeState

    const rows = async (query: string): Promise<MessageRow[]> =>
      ((await as('watcher', `/out/messages?${query}`)).body as MessagePage).messages

    /** With an empty queue: one on disk outlives the deploys. */
    async function deploy(more: Record<string, unknown> = {}): Promise<void> {
      await world.deploy({ ...props, ...more })
      await as('operator', '/out/messages/discard', { all: true })
      await suspended(0)
    }

    const send = async (...ids: string[]): Promise<void> => {
      for (const id of ids) {
        const birth = id.includes('BAD') ? '20990101' : '19840217'
        await world.nodeRed.inject('in', { payload: adt(id, { birth }) })
      }
    }

    const suspended = (count: number): Promise<true> =>
      eventually(async () => (await state()).suspended === count)

    async function eventually(check: () => Promise<boolean>): Promise<true> {
      for (let tries = 0; tries < 400; tries++) {
        if (await check()) return true
        await new Promise((resolve) => setTimeout(resolve, 25))
      }
      assert.fail('it does not happen')
    }

    it('list all nodes, those first that need a person', async () => {
      const other = (id: string, more: Record<string, unknown>): FlowNode => ({
        ...{ id, type: 'hl7-https-out', z: 'tab', url: world.receiver.url, queue: 'memory' },
        ...{ tls: 'tls', wires: [[], []], ...more }
      })
      await world.nodeRed.deploy([
        ...world.flow({ ...props, name: 'Registry' }),
        other('halted', { name: 'Pharmacy' }),
        other('unset', { name: 'Laboratory', url: '' })
      ])
      await as('operator', '/halted/pause', { reason: 'upgrade' })
      const { body } = await as('watcher')
      const { at, nodes } = body as AllStates
      assert.ok(Math.abs(Date.parse(at) - Date.now()) < 60_000)
      assert.deepEqual(
        nodes.map(({ id, name, flow, state, reason }) => ({ id, name, flow, state, reason })),
        [
          {
            ...{ id: 'unset', name: 'Laboratory', flow: 'test', state: 'config' },
            reason: nodes[0]?.reason
          },
          {
            ...{ id: 'halted', name: 'Pharmacy', flow: 'test', state: 'paused' },
            reason: 'Paused by operator: “upgrade”'
          },
          { id: 'out', name: 'Registry', flow: 'test', state: 'idle', reason: '' }
        ]
      )
      assert.match(nodes[0]?.reason ?? '', /url/i)
      assert.equal(nodes[0]?.lastError?.code, 'HL7_CONFIG')
      assert.equal(nodes[1]?.paused?.by, 'operator')
      assert.equal(nodes[1].paused.reason, 'upgrade')
      assert.equal(nodes[2]?.host, new URL(world.receiver.url).host)
    })

    it('tell what became of a message, in codes', async () => {
      await deploy()
      await send('GOOD1', 'BAD1')
      await world.nodeRed.inject('in', { payload: adt('OLD1', { version: '2.1' }) })
      await suspended(1)
      await eventually(async () => (await rows('state=naked&controlId=OLD1')).length === 1)
      await eventually(async () => (await rows('state=acked&controlId=GOOD1')).length === 1)
      const found = await rows('limit=3')
      const byId = new Map(found.map((row) => [row.controlId, row]))
      const good = byId.get('GOOD1')
      assert.deepEqual(
        [good?.state, good?.outcome, good?.ackCode, good?.status, good?.attempts, good?.rule],
        ['acked', 'ack', 'AA', 200, 1, ':?A=C']
      )
      assert.ok(Date.parse(good?.settledAt ?? '') >= Date.parse(good?.acceptedAt ?? ''))
      const bad = byId.get('BAD1')
      assert.deepEqual(
        [bad?.state, bad?.outcome, bad?.ackCode, bad?.errors],
        ['suspended', null, 'AE', [{ code: '102', severity: 'E', text: 'Data type error' }]]
      )
      assert.equal(bad?.reason, 'AE 102 Data type error · rule :?E=S')
      const old = byId.get('OLD1')
      assert.deepEqual([old?.state, old?.outcome, old?.ackCode], ['naked', 'nak', 'AR'])
      const { text } = await as('watcher', '/out/messages')
      for (const word of ['Lindqvist', '471100', '20990101', 'birth']) {
        assert.ok(!text.includes(word), word)
      }
      assert.deepEqual(
        (await rows('state=suspended')).map(({ controlId }) => controlId),
        ['BAD1']
      )
      assert.deepEqual(await rows('type=ORU^R01'), [])
      assert.deepEqual(await rows('controlId=NOBODY'), [])
      assert.deepEqual(
        (await rows('rule=:?E%3DS')).map(({ controlId }) => controlId),
        ['BAD1']
      )
      const now = await state()
      assert.deepEqual([now.acked, now.naked, now.failed, now.suspended], [1, 1, 0, 1])
      assert.equal(now.perMinute, 2)
      assert.ok(now.lastAckAt !== null)
      assert.equal(now.token?.state, 'ok')
      const { body } = await as('watcher', '/out/history?minutes=2')
      const { minutes } = body as History
      assert.equal(minutes.length, 2)
      const sum = (name: 'acked' | 'naked'): number =>
        minutes.reduce((total, minute) => total + minute[name], 0)
      assert.deepEqual([sum('acked'), sum('naked')], [1, 1])
    })

    it('page through many messages, newest first, without gap or repetition', async () => {
      await deploy()
      const ids = Array.from({ length: 25 }, (_, index) => `PAGE${index + 100}`)
      await send(...ids)
      await eventually(async () => (await rows('state=acked&controlId=PAGE124')).length === 1)
      await send('BADPAGE')
      await suspended(1)
      const all: string[] = []
      let before = ''
      for (let more = true; more;) {
        const { body } = await as('watcher', `/out/messages?limit=4&before=${before}`)
        const page = body as MessagePage
        assert.ok(page.messages.length <= 4)
        all.push(...page.messages.map(({ controlId }) => controlId))
        before = page.messages.at(-1)?.id ?? ''
        more = page.more
      }
      const wanted = ['BADPAGE', ...ids.reverse()]
      assert.deepEqual(all.slice(0, 26), wanted)
      assert.equal(new Set(all).size, all.length)
    })

    it('show the content of a message to those who may, and note who saw it', async () => {
      await deploy()
      await send('BAD2')
      await suspended(1)
      const [row] = await rows('controlId=BAD2')
      const path = `/out/messages/${row?.id}`
      for (const user of ['watcher', 'operator', 'stranger'] as const) {
        assert.equal((await as(user, path)).status, 401, user)
      }
      const { body, status } = await as('analyst', path)
      const shown = body as MessageContent
      assert.equal(status, 200)
      assert.equal(shown.request, `${adt('BAD2', { birth: '20990101' })}\r`)
      assert.match(shown.reply ?? '', /^MSH.*\rMSA\|AE\|BAD2/)
      const { events } = (await as('watcher', '/out/events')).body as EventPage
      const [event] = events.filter(({ kind }) => kind === 'content-shown')
      assert.deepEqual([event?.by, event?.text], ['analyst', 'The content of BAD2 was shown'])
      assert.ok(
        (await audited()).some(
          (line) => line.includes('hl7-https-out.content') && line.includes('analyst')
        )
      )
      assert.equal((await as('analyst', '/out/messages/999999')).status, 404)
      assert.equal((await as('analyst', '/out/messages/x')).status, 404)

      await as('operator', `/out/messages/${row?.id}/discard`, {})
      await eventually(async () => (await rows('controlId=BAD2&state=failed')).length === 1)
      const gone = (await as('analyst', path)).body as MessageContent
      assert.deepEqual(
        [gone.request, gone.reply, gone.state, gone.errorCode],
        [null, null, 'failed', 'HL7_DISCARDED']
      )
      // Nothing was shown, so nobody has seen it.
      const after = (await as('watcher', '/out/events')).body as EventPage
      assert.equal(after.events.filter(({ text }) => text.includes('BAD2')).length, 1)
    })

    it('resend one alone first: the rest follow after an ACK only', async () => {
      await deploy()
      await send('BAD3', 'BAD4', 'BAD5')
      await suspended(3)
      const sent = (): number => world.receiver.requests.length
      const before = sent()
      const all = { all: true, firstAlone: true }
      assert.deepEqual((await as('operator', '/out/messages/resend', all)).body, { found: 3 })
      await eventually(async () => sent() === before + 1 && (await state()).suspended === 3)
      world.receiver.respond = ({ body }) => accepted(body.toString())
      const choice = { type: 'ADT^A01', firstAlone: true }
      assert.deepEqual((await as('operator', '/out/messages/resend', choice)).body, { found: 3 })
      await eventually(() => Promise.resolve(sent() >= before + 4))
      await eventually(async () => (await rows('state=acked&type=ADT^A01')).length >= 3)
      await suspended(0)
      assert.deepEqual(
        world.receiver.requests.slice(before + 1).map(({ body }) => body.toString().split('|')[9]),
        ['BAD3', 'BAD4', 'BAD5']
      )
    })

    it('discard and resend what was chosen, and refuse what is not clear', async () => {
      await deploy()
      await send('BAD6', 'BAD7', 'BAD8')
      await suspended(3)
      for (const body of [
        ...[{}, [], { all: false }, { all: true, ids: ['1'] }, { ids: '1' }, { ids: [1] }],
        ...[{ controlId: '' }, { controlid: 'BAD6' }, { all: true, firstAlone: true }]
      ]) {
        const { status } = await as('operator', '/out/messages/discard', body)
        assert.equal(status, 400, JSON.stringify(body))
      }
      assert.equal((await state()).suspended, 3)
      const one = { controlId: 'BAD6' }
      assert.deepEqual((await as('operator', '/out/messages/discard', one)).body, { found: 1 })
      const [row] = await rows('controlId=BAD7&state=suspended')
      const ids = { ids: [row?.id, '999999'] }
      assert.deepEqual((await as('operator', '/out/messages/discard', ids)).body, { found: 1 })
      await suspended(1)
      const rule = { rule: ':?E=S' }
      assert.deepEqual((await as('operator', '/out/messages/discard', rule)).body, { found: 1 })
      const { events } = (await as('watcher', '/out/events')).body as EventPage
      const discards = events.filter(({ kind }) => kind === 'discarded').slice(0, 3)
      assert.deepEqual(
        discards.map(({ by, text }) => [by, text]),
        Array.from({ length: 3 }, () => ['operator', '1 message discarded'])
      )
    })

    it('keep who paused a node, and note who did what', async () => {
      await deploy()
      await as('operator', '/out/pause', { reason: 'x'.repeat(500) })
      const { paused } = await state()
      assert.deepEqual([paused?.by, paused?.reason.length], ['operator', 200])
      await as('operator', '/out/resume', {})
      await as('operator', '/out/test', {})
      const { events } = (await as('watcher', '/out/events?limit=3')).body as EventPage
      assert.deepEqual(
        events.map(({ kind, by }) => [kind, by]),
        [
          ['tested', 'operator'],
          ['resumed', 'operator'],
          ['paused', 'operator']
        ]
      )
      await as('operator', '/out/messages/resend', { all: true })
      await as('operator', '/out/messages/1/discard', {})
      const lines = await audited()
      for (const event of ['pause', 'resume', 'test', 'resend', 'discard']) {
        const found = lines.some(
          (line) => line.includes(`hl7-https-out.${event}"`) && line.includes('"operator"')
        )
        assert.ok(found, event)
      }
    })

    it('say since when it retries, and that it goes on again', async () => {
      await deploy({ retryInterval: 0.2, retryMaxInterval: 0.2 })
      world.receiver.respond = () => ({ status: 503 })
      await send('WAIT1')
      await eventually(async () => ((await state()).retry?.attempts ?? 0) >= 3)
      const first = await state()
      assert.equal(first.state, 'retrying')
      assert.match(first.reason, /^HTTP 503, try \d+ (in \d s|now)$/)
      await eventually(async () => ((await state()).retry?.attempts ?? 0) >= 6)
      assert.equal((await state()).since, first.since, 'an attempt is no new state')
      assert.ok(first.since !== null)
      world.receiver.respond = undefined
      await eventually(async () => (await state()).state === 'idle')
      const { events } = (await as('watcher', '/out/events?limit=2')).body as EventPage
      assert.deepEqual(
        events.map(({ kind }) => kind),
        ['recovered', 'retrying-began']
      )
      assert.equal(events[1]?.text, 'HTTP 503: retrying WAIT1')
    })

    it('say of a node that is not set up that it can do nothing', async () => {
      await world.deploy({ ...props, url: '' })
      const answers = [
        as('operator', '/out/pause', {}),
        as('operator', '/out/messages/discard', { all: true }),
        as('operator', '/out/messages/17/resend', {}),
        as('analyst', '/out/messages/17')
      ]
      for (const { status, body } of await Promise.all(answers)) {
        assert.equal(status, 409)
        assert.match((body as { error: string }).error, /^This node is not set up: .*URL/)
      }
      assert.equal((await state()).reason, (await state()).lastError?.text)
      assert.deepEqual((await as('watcher', '/out/messages')).body, { messages: [], more: false })
      assert.deepEqual((await as('watcher', '/out/events')).body, { events: [] })
    })

    it('are not kept by a browser, and show no HL7 to those who only look', async () => {
      await deploy()
      await send('BAD9')
      await suspended(1)
      world.receiver.respond = () => ({ status: 500, body: 'Lindqvist' })
      await send('GOOD9')
      await eventually(async () => (await state()).lastError !== null)
      const paths = ['', '/metrics', '/out', '/out/messages', '/out/events', '/out/history', '/x']
      for (const path of paths) {
        const answer = await fetch(`${world.nodeRed.url}/hl7-https-out${path}`, {
          headers: { Authorization: `Bearer ${sessions.get('watcher')}` }
        })
        assert.equal(answer.headers.get('cache-control'), 'no-store', path)
        const text = await answer.text()
        for (const word of ['Lindqvist', '471100', '20990101', '19840217', 'PID|']) {
          assert.ok(!text.includes(word), `${word} in ${path}`)
        }
      }
    })

    it('let nobody act or look without the permission', async () => {
      await deploy()
      const id = '/out'
      for (const path of ['', '/metrics', id, `${id}/messages`, `${id}/events`, `${id}/history`]) {
        assert.equal((await as('stranger', path)).status, 401, path)
        assert.equal((await as('watcher', path)).status, 200, path)
      }
      const actions = ['pause', 'resume', 'test', 'messages/resend', 'messages/1/discard']
      for (const action of actions) {
        for (const user of ['stranger', 'watcher', 'analyst'] as const) {
          assert.equal((await as(user, `${id}/${action}`, {})).status, 401, `${user} ${action}`)
        }
      }
      assert.equal((await as('watcher', '/nobody/messages')).status, 404)
      for (const query of ['state=wrong', 'limit=0', 'limit=x', 'before=-1', 'since=never']) {
        assert.equal((await as('watcher', `${id}/messages?${query}`)).status, 400, query)
      }
    })

    function accepted(message: string): { status: number; body: string } {
      const id = message.split('|')[9] ?? ''
      return { status: 200, body: `MSH|^~\\&|C|D|A|B|20260102||ACK|R${id}|P|2.5.1\rMSA|AA|${id}\r` }
    }

    async function audited(): Promise<string[]> {
      return (await world.nodeRed.printed()).filter((line) => line.includes('[audit]'))
    }
  })
}
