import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type {
  AllStates,
  EventPage,
  HistoryAnswer,
  MessageContent,
  MessagePage,
  NodeState
} from '../../nodes/operations/answers.ts'
import { as as asUser, USERS, type User, type UserAnswer } from '../support/admin-users.ts'
import type { FlowNode } from '../support/node-red.ts'
import { ackFor, adt, changed, controlIdIn, shareWorld } from '../support/world.ts'

describe('the routes of operations', () => {
  const world = shareWorld({ users: true })

  const props = {
    ...{ queue: 'disk', replyCodeActions: ':?E=S,:?R=F,:?A=C', retryInterval: 30 },
    order: 'none'
  }
  const as = (user: User, path = '', body?: unknown): Promise<UserAnswer> =>
    asUser(world.nodeRed, user, `/hl7-https-out${path}`, body)
  const events = async (query = ''): Promise<EventPage['events']> =>
    ((await as('watch', `/out/events${query}`)).body as EventPage).events

  /** With an empty queue: one on disk outlives the deploys. */
  async function deploy(more: Record<string, unknown> = {}): Promise<void> {
    await world.deploy({ ...props, ...more })
    await as('night', '/out/messages/discard', { all: true })
    await suspended(0)
  }

  const send = async (...ids: string[]): Promise<void> => {
    for (const id of ids) {
      const birth = id.includes('BAD') ? '20990101' : '19840217'
      await world.nodeRed.inject('in', { payload: adt(id, { birth }) })
    }
  }

  const suspended = (count: number): Promise<void> =>
    world.eventually(async () => (await world.state()).suspended === count)

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
    await as('night', '/halted/pause', { reason: 'upgrade' })
    const { body } = await as('watch')
    const { at, nodes } = body as AllStates
    assert.ok(Math.abs(Date.parse(at) - Date.now()) < 60_000)
    assert.deepEqual(
      nodes.map(({ id, name, flow, state, reason }) => ({ id, name, flow, state, reason })),
      [
        {
          ...{ id: 'halted', name: 'Pharmacy', flow: 'test', state: 'paused' },
          reason: 'Paused by night: “upgrade”'
        },
        {
          ...{ id: 'unset', name: 'Laboratory', flow: 'test', state: 'config' },
          reason: nodes[1]?.reason
        },
        { id: 'out', name: 'Registry', flow: 'test', state: 'idle', reason: '' }
      ]
    )
    assert.equal(nodes[0]?.paused?.by, 'night')
    assert.equal(nodes[0].paused.reason, 'upgrade')
    assert.match(nodes[1]?.reason ?? '', /url/i)
    assert.equal(nodes[1]?.lastError?.code, 'HL7_CONFIG')
    assert.equal(nodes[2]?.host, new URL(world.receiver.url).host)
  })

  it('take any value for the name of a node or a flow, such as a number from a variable', async () => {
    const queries = ['/out', '/metrics']
    const named = async (name: unknown, label: unknown): Promise<string[][]> => {
      await world.nodeRed.deploy(changed(world.flow(props), { out: { name }, tab: { label } }))
      for (const query of queries) assert.equal((await as('watch', query)).status, 200, query)
      for (const path of ['/pause', '/resume']) {
        const { host } = new URL(world.receiver.url)
        assert.equal((await as('night', path, { host })).status, 200, path)
      }
      return ((await as('watch')).body as AllStates).nodes.map(({ name, flow }) => [name, flow])
    }
    assert.deepEqual(await named(42, 7), [['42', '7']])
    assert.deepEqual(await named({}, [true]), [['', '']])
    assert.deepEqual(await named('Registry', 'Ward'), [['Registry', 'Ward']])
  })

  it('tell what became of a message, in codes', async () => {
    await deploy()
    await send('GOOD1', 'BAD1')
    await world.nodeRed.inject('in', { payload: adt('OLD1', { version: '2.1' }) })
    await suspended(1)
    await world.eventually(
      async () => (await world.messages('state=naked&controlId=OLD1')).length === 1
    )
    await world.eventually(
      async () => (await world.messages('state=acked&controlId=GOOD1')).length === 1
    )
    const found = await world.messages('limit=3')
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
    const { text } = await as('watch', '/out/messages')
    for (const word of ['Lindqvist', '471100', '20990101', 'birth']) {
      assert.ok(!text.includes(word), word)
    }
    assert.deepEqual(
      (await world.messages('state=suspended')).map(({ controlId }) => controlId),
      ['BAD1']
    )
    assert.deepEqual(await world.messages('type=ORU^R01'), [])
    assert.deepEqual(await world.messages('controlId=NOBODY'), [])
    assert.deepEqual(
      (await world.messages('rule=:?E%3DS')).map(({ controlId }) => controlId),
      ['BAD1']
    )
    const now = await world.state()
    assert.deepEqual([now.acked, now.naked, now.failed, now.suspended], [1, 1, 0, 1])
    assert.equal(now.perMinute, 2)
    assert.ok(now.lastAckAt !== null)
    assert.equal(now.token?.state, 'ok')
    const { body } = await as('watch', '/out/history?minutes=2')
    const { minutes } = body as HistoryAnswer
    assert.ok(minutes.length >= 1, 'what was before the first deploy is not known')
    const sum = (name: 'acked' | 'naked'): number =>
      minutes.reduce((total, minute) => total + minute[name], 0)
    assert.deepEqual([sum('acked'), sum('naked')], [1, 1])
  })

  it('page through many messages, newest first, without gap or repetition', async () => {
    await deploy()
    const ids = Array.from({ length: 25 }, (_, index) => `PAGE${index + 100}`)
    await send(...ids)
    await world.eventually(
      async () => (await world.messages('state=acked&controlId=PAGE124')).length === 1
    )
    await send('BADPAGE')
    await suspended(1)
    const all: string[] = []
    let cursor = ''
    for (let more = true; more;) {
      const asked = `/out/messages?limit=4&cursor=${encodeURIComponent(cursor)}`
      const { body } = await as('watch', asked)
      const page = body as MessagePage
      assert.ok(page.messages.length <= 4)
      all.push(...page.messages.map(({ controlId }) => controlId))
      cursor = page.next ?? ''
      more = page.more
      assert.equal(cursor !== '', more)
    }
    const wanted = ['BADPAGE', ...ids.reverse()]
    assert.deepEqual(all.slice(0, 26), wanted)
    assert.equal(new Set(all).size, all.length)
  })

  it('show the content of a message to those who may, and note who saw it', async () => {
    await deploy()
    await send('BAD2')
    await suspended(1)
    const [row] = await world.messages('controlId=BAD2')
    const path = `/out/messages/${row?.id}`
    assert.equal((await as('stranger', path)).status, 401)
    for (const user of ['watch', 'night', 'read', 'analyst'] as const) {
      // Who may see it can leave it out.
      const asked = user === 'analyst' ? 'false' : 'reply'
      const known = await as(user, `${path}?content=${asked}`)
      assert.equal(known.status, 200, user)
      const names = Object.keys(known.body as MessageContent)
      assert.ok(names.includes('story') && !names.includes('request') && !names.includes('reply'))
      assert.doesNotMatch(known.text, /Lindqvist|20990101|PID/)
    }
    const before = (await audited()).filter((line) => !line.includes('auth.login'))
    assert.ok(!before.some((line) => /hl7-https-out.content|permission.fail.*content/.test(line)))
    // What the receiver has said alone is content, too.
    const looks = async (): Promise<unknown[]> =>
      (await events())
        .filter(({ kind }) => kind === 'content-shown')
        .map(({ by, text }) => [by, text])
    const audits = async (): Promise<number> =>
      (await audited()).filter(
        (line) => line.includes('"event":"hl7-https-out.content"') && line.includes('"analyst"')
      ).length
    const said = (await as('analyst', `${path}?content=reply`)).body as MessageContent
    assert.match(said.reply ?? '', /^MSH.*\rMSA\|AE\|BAD2/)
    assert.ok(!('request' in said))
    assert.equal(await audits(), 1)
    assert.deepEqual(await looks(), [['analyst', 'The content of BAD2 was shown']])
    const asNight = (await as('night', `${path}?content=reply`)).body as MessageContent
    assert.ok(!('reply' in asNight))
    // Who may not see it may not delete it.
    const ids = [row?.id]
    assert.equal((await as('night', '/out/messages/delete-content', { ids })).status, 403)
    assert.equal((await as('analyst', '/out/messages/delete-content', { ids })).status, 401)
    const { body, status } = await as('analyst', path)
    const shown = body as MessageContent
    assert.equal(status, 200)
    assert.equal(shown.request, `${adt('BAD2', { birth: '20990101' })}\r`)
    assert.match(shown.reply ?? '', /^MSH.*\rMSA\|AE\|BAD2/)
    // Two looks, one event.
    assert.deepEqual([await audits(), (await looks()).length], [2, 1])
    assert.equal((await as('analyst', '/out/messages/999999')).status, 404)
    assert.equal((await as('analyst', '/out/messages/x')).status, 404)
    assert.equal((await as('night', '/out/messages/999999/resend', {})).status, 404)

    await as('night', '/out/messages/discard', { ids: [row?.id] })
    await world.eventually(
      async () => (await world.messages('controlId=BAD2&state=failed')).length === 1
    )
    const gone = (await as('analyst', path)).body as MessageContent
    assert.deepEqual(
      [gone.request, gone.reply, gone.state, gone.errorCode],
      [null, null, 'failed', 'HL7_DISCARDED']
    )
    // Nothing was shown, so nobody has seen it.
    const about = (await events()).filter(({ text }) => text.includes('BAD2'))
    assert.equal(about.length, 1)
  })

  it('tell the whole story of a message, after it has left too', async () => {
    await deploy({ retryInterval: 0.1, retryMaxInterval: 0.1 })
    const began = Date.now()
    world.receiver.respond = () => ({ status: 503, headers: { 'X-Request-ID': 'gw-503' } })
    await send('STORY1')
    await world.eventually(async () => ((await world.state()).retry?.attempts ?? 0) >= 2)
    world.receiver.respond = ({ body }) => {
      return { body: ackFor(controlIdIn(body), 'AE', 'ERR|||207^x^HL70357|E') }
    }
    await suspended(1)
    world.receiver.respond = undefined
    const [row] = await world.messages('controlId=STORY1')
    await as('night', `/out/messages/${row?.id}/resend`, {})
    await world.eventually(async () => {
      return (await world.messages('controlId=STORY1'))[0]?.state === 'acked'
    })
    const { body } = await as('watch', `/out/messages/${row?.id}`)
    const { attemptList, attempts, story } = body as MessageContent
    const told = story.map(({ by, kind, text }) => [kind, by, text.replace(/ \d+ m?s/, '')])
    const failed = attempts - 2
    assert.ok(failed >= 2)
    assert.deepEqual(told, [
      ['message-accepted', '', 'Accepted by the node'],
      ...Array.from({ length: failed }, () => [
        'message-attempt',
        '',
        'Attempt: HTTP 503 after · x-request-id: gw-503'
      ]),
      ['message-attempt', '', 'Attempt: AE after'],
      ['message-suspended', 'rule', 'Suspended by rule :?E=S'],
      ['message-resent', 'night', 'Resent'],
      ['message-attempt', '', 'Attempt: AA after'],
      ['message-acked', '', 'Left on ACK: AA']
    ])
    assert.deepEqual(
      attemptList.map(({ result }) => result),
      [...Array.from({ length: failed }, () => '503'), 'AE', 'AA']
    )
    assert.deepEqual(
      attemptList.map(({ requestId }) => requestId),
      [...Array.from({ length: failed }, () => 'gw-503'), undefined, undefined]
    )
    const times = story.map(({ at }) => Date.parse(at ?? ''))
    assert.deepEqual(times.toSorted(), times)
    assert.ok((times[0] ?? 0) >= began && (times.at(-1) ?? Infinity) <= Date.now())
  })

  it('name who discarded a message, and who sent one again after it had left', async () => {
    await deploy({ keepContents: 'all', contentDays: 1 })
    await send('BAD20', 'GOOD20')
    await suspended(1)
    await world.eventually(async () => (await world.messages('controlId=GOOD20')).length === 1)
    await world.eventually(async () => {
      return (await world.messages('controlId=GOOD20'))[0]?.state === 'acked'
    })
    const storyOf = async (id: string): Promise<MessageContent['story']> => {
      const [row] = await world.messages(`controlId=${id}`)
      return ((await as('watch', `/out/messages/${row?.id}`)).body as MessageContent).story
    }
    const [good] = await world.messages('controlId=GOOD20')
    await as('night', '/out/messages/discard', { controlId: 'BAD20' })
    await as('night', `/out/messages/${good?.id}/resend`, {})
    await world.eventually(async () => {
      const rows = await world.messages('controlId=GOOD20')
      return rows.length === 2 && rows[0]?.state === 'acked'
    })
    const discarded = (await storyOf('BAD20')).at(-1)
    assert.deepEqual([discarded?.by, discarded?.text], ['night', 'Discarded'])
    const [again] = await storyOf('GOOD20')
    assert.deepEqual([again?.kind, again?.by], ['message-repeats', 'night'])
    assert.equal(again?.values['acceptedAt'], good?.acceptedAt)
  })

  it('discard and resend what was chosen, and refuse what is not clear', async () => {
    await deploy()
    await send('BAD6', 'BAD7', 'BAD8')
    await suspended(3)
    for (const body of [
      ...[{}, [], { all: false }, { all: true, ids: ['1'] }, { ids: '1' }, { ids: [1] }],
      ...[{ controlId: '' }, { controlid: 'BAD6' }, { all: true, firstAlone: true }]
    ]) {
      const { status } = await as('night', '/out/messages/discard', body)
      assert.equal(status, 400, JSON.stringify(body))
    }
    assert.equal((await world.state()).suspended, 3)
    const one = { controlId: 'BAD6' }
    assert.deepEqual((await as('night', '/out/messages/discard', one)).body, { found: 1 })
    const [row] = await world.messages('controlId=BAD7&state=suspended')
    const ids = { ids: [row?.id, '999999'] }
    assert.deepEqual((await as('night', '/out/messages/discard', ids)).body, { found: 1 })
    await suspended(1)
    const rule = { rule: ':?E=S' }
    assert.deepEqual((await as('night', '/out/messages/discard', rule)).body, { found: 1 })
    const discards = (await events()).filter(({ kind }) => kind === 'discarded').slice(0, 3)
    assert.deepEqual(
      discards.map(({ by, text }) => [by, text]),
      Array.from({ length: 3 }, () => ['night', '1 message discarded'])
    )
  })

  it('keep who paused a node, and note who did what', async () => {
    await deploy()
    await as('night', '/out/pause', { reason: 'x'.repeat(500) })
    const { paused } = await world.state()
    assert.deepEqual([paused?.by, paused?.reason.length], ['night', 200])
    await as('night', '/out/resume', {})
    await as('night', '/out/test', {})
    assert.deepEqual(
      (await events('?limit=3')).map(({ kind, by }) => [kind, by]),
      [
        ['tested', 'night'],
        ['resumed', 'night'],
        ['paused', 'night']
      ]
    )
    await as('night', '/out/messages/resend', { all: true })
    await as('night', '/out/messages/discard', { ids: ['1'] })
    const lines = await audited()
    for (const event of ['pause', 'resume', 'test', 'resend', 'discard']) {
      const found = lines.some(
        (line) => line.includes(`hl7-https-out.${event}"`) && line.includes('"night"')
      )
      assert.ok(found, event)
    }
  })

  it('say of a node that is not set up that it can do nothing', async () => {
    await world.deploy({ ...props, url: '' })
    const answers = [
      as('night', '/out/pause', {}),
      as('night', '/out/messages/discard', { all: true }),
      as('night', '/out/messages/17/resend', {}),
      as('analyst', '/out/messages/17')
    ]
    for (const { status, body } of await Promise.all(answers)) {
      assert.equal(status, 409)
      assert.match((body as { error: string }).error, /^Not set up: .*URL/)
    }
    const [first, second] = [await world.state(), await world.state()]
    assert.deepEqual([first.state, first.lastError?.code], ['config', 'HL7_CONFIG'])
    assert.equal(`${first.reason}.`, first.lastError?.text)
    assert.deepEqual(first, second, 'since when it is so does not change')
    assert.deepEqual((await as('watch', '/out/messages')).body, { messages: [], more: false })
    assert.deepEqual((await as('watch', '/out/events')).body, { events: [] })
  })

  it('are not kept by a browser, and show no HL7 to those who only look', async () => {
    await deploy()
    await send('BAD9')
    await suspended(1)
    world.receiver.respond = () => ({ status: 500, body: 'Lindqvist' })
    await send('GOOD9')
    await world.eventually(async () => (await world.state()).lastError !== null)
    const paths = ['', '/metrics', '/out', '/out/messages', '/out/events', '/out/history', '/x']
    for (const path of paths) {
      const { headers, text } = await as('watch', path)
      assert.equal(headers.get('cache-control'), 'no-store', path)
      for (const word of ['Lindqvist', '471100', '20990101', '19840217', 'PID|']) {
        assert.ok(!text.includes(word), `${word} in ${path}`)
      }
    }
  })

  const readers: User[] = ['read', 'watch', 'night', 'analyst', 'clerk', 'admin', '*']
  /** Who may use which route. */
  const routes: [path: string, body: object | undefined, users: User[]][] = [
    ...['', '/metrics', '/out', '/out/messages', '/out/events', '/out/history'].map(
      (path): [string, undefined, User[]] => [path, undefined, readers]
    ),
    ['/out/messages/ID', undefined, readers],
    ...['pause', 'resume', 'test', 'messages/ID/resend'].map((action): [string, object, User[]] => [
      `/out/${action}`,
      {},
      ['write', 'night', 'admin', '*']
    ]),
    ['/out/messages/resend', { all: true }, ['write', 'night', 'admin', '*']],
    ['/out/messages/discard', { all: true }, ['write', 'night', 'admin', '*']],
    ['/out/messages/export', { all: true, reason: 'x' }, ['clerk', 'admin', '*']]
  ]
  it('let nobody act or look without the permission', async () => {
    await deploy()
    await send('BAD10')
    await suspended(1)
    const [row] = await world.messages('controlId=BAD10')
    for (const [path, body, users] of routes) {
      for (const user of Object.keys(USERS) as User[]) {
        // What happens then is in the other tests.
        if (users.includes(user) && body !== undefined) continue
        const { status } = await as(user, path.replace('ID', row?.id ?? ''), body)
        assert.equal(status, users.includes(user) ? 200 : 401, `${user} ${path}`)
      }
    }
  })

  it('answer what they do not have or understand', async () => {
    await deploy()
    for (const id of ['nowhere', 'auth', 'in', '__proto__']) {
      for (const path of ['', '/messages', '/events', '/history']) {
        assert.equal((await as('watch', `/${id}${path}`)).status, 404, id)
      }
      assert.equal((await as('night', `/${id}/pause`, {})).status, 404, id)
    }
    // A computer would read the last two as in May, and as in 2001.
    const times = ['since=never', 'since=05.11.2026 14:00', 'since=last 5']
    for (const query of ['state=wrong', 'limit=0', 'limit=x', 'before=-1', ...times]) {
      assert.equal((await as('watch', `/out/messages?${query}`)).status, 400, query)
    }
    const time = { error: 'until is a time such as 2026-11-25T02:40:00Z.' }
    for (const until of [Date.now() + 60_000, null, {}, 'soon']) {
      assert.deepEqual(
        (await as('night', '/out/pause', { until })).body,
        time,
        JSON.stringify(until)
      )
    }
    const [twice, number] = [{ controlId: ['A', 'B'] }, { controlId: 5, state: 'acked' }]
    assert.deepEqual((await as('night', '/out/messages/resend', { ...number, ...twice })).body, {
      error: 'controlId is given once.'
    })
    assert.deepEqual((await as('night', '/out/messages/resend', number)).body, {
      error: 'controlId is a text.'
    })
    for (const nothing of [{ controlId: '' }, { type: '' }, { since: '' }, { before: '' }]) {
      const which = { state: 'acked', ...nothing }
      const { status } = await as('night', '/out/messages/resend', which)
      assert.equal(status, 400, JSON.stringify(which))
    }
    const unclear = { ids: ['17'], before: '2026-11-25T02:40:00Z' }
    for (const which of [
      unclear,
      { before: unclear.before },
      { all: true, before: '05.11.2026' }
    ]) {
      const { status } = await as('night', '/out/messages/discard', which)
      assert.equal(status, 400, JSON.stringify(which))
    }
    const state = { state: 'acked' }
    assert.deepEqual((await as('night', '/out/messages/17/resend', state)).body, {
      error: 'state is one of suspended.'
    })
  })

  it('tell the state with exactly these members, whatever it is', async () => {
    await deploy({ failureTimeout: 0 })
    const members = async (): Promise<string[]> => Object.keys(await world.state()).sort()
    const all = await members()
    assert.deepEqual(all, [
      ...[
        'acked',
        'advice',
        'awaiting',
        'backup',
        'backupHost',
        'certificates',
        'conditions',
        'contact',
        'contentDays',
        'failed',
        'flow',
        'host',
        'id'
      ],
      ...[
        'inFlight',
        'kind',
        'lastAckAt',
        'lastError',
        'lastHour',
        'latencyMs',
        'naked',
        'name',
        'note',
        'oldestAgeMs',
        'paused'
      ],
      ...['perMinute', 'queued', 'reason', 'retry', 'retrying', 'rules'],
      ...['searchFields', 'since', 'state', 'suspended', 'token', 'turnedAway', 'unconfirmed'],
      'values'
    ])
    assert.equal((await world.state()).rules, props.replyCodeActions)
    world.receiver.respond = () => ({ status: 404, body: 'x' })
    await world.caught(adt('STATE001'))
    const { latencyMs } = await world.state()
    assert.deepEqual(Object.keys(latencyMs), ['p50', 'p95', 'p99'])
    // The row of a node and its pictures show the same figure.
    const { body } = await world.nodeRed.get('/hl7-https-out/out/history?minutes=60')
    const { minutes } = body as HistoryAnswer
    assert.ok(latencyMs.p95 > 0)
    assert.equal(latencyMs.p95, minutes.findLast(({ p95 }) => p95 > 0)?.p95)
    const { state, failed, lastError } = await world.state()
    assert.deepEqual([state, failed, lastError?.code], ['error', 1, '404'])
    assert.deepEqual(Object.keys(lastError ?? {}).sort(), ['at', 'code', 'text'])
    const paused = (await as('night', '/out/pause', {})).body as NodeState
    assert.deepEqual([Object.keys(paused).sort(), paused.state], [all, 'paused'])
    const resumed = (await as('night', '/out/resume', {})).body as NodeState
    assert.equal(resumed.state, 'error')
  })

  async function audited(): Promise<string[]> {
    return (await world.nodeRed.printed()).filter((line) => line.includes('[audit]'))
  }
})
