import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import type { EventPage, ExportCount, MessageAnswer } from '../../nodes/operations/answers.ts'
import { encode } from '../../src/hl7/charset.ts'
import { readOutgoingMessage } from '../../src/hl7/outgoing-message.ts'
import { as as asUser, type User, type UserAnswer } from '../support/admin-users.ts'
import { ackFor, adt, controlIdIn, shareWorld } from '../support/world.ts'

/** Messages for the support of a receiver. */
describe('messages are taken out', () => {
  const world = shareWorld({ users: true })
  const SETTINGS = {
    queue: 'disk',
    replyCodeActions: ':?E=S,:?A=C',
    order: 'none',
    keepContents: 'all'
  }
  const PATIENT = /Lindqvist|Astrid|NS471100|19840217|20990101/

  before(async () => {
    await world.deploy({ ...SETTINGS, contentDays: 0 })
    await send('GONE-1')
    await left('GONE-1')
    await world.deploy(SETTINGS)
    await send('X-1')
    await left('X-1')
    await world.nodeRed.inject('in', { payload: adt('X-BAD', { birth: '20990101' }) })
    await world.eventually(async () => (await world.state()).suspended === 1)
  })

  const as = (user: User, path = '', body?: unknown): Promise<UserAnswer> =>
    asUser(world.nodeRed, user, `/hl7-https-out/out${path}`, body)
  const send = (id: string, payload: unknown = adt(id)): Promise<unknown> =>
    world.nodeRed.inject('in', { payload })
  const row = async (id: string): Promise<MessageAnswer> => {
    const [found] = await world.messages(`controlId=${encodeURIComponent(id)}`)
    assert.ok(found, id)
    return found
  }
  const left = (id: string): Promise<void> =>
    world.eventually(async () => (await world.messages(`state=acked&controlId=${id}`)).length > 0)
  const take = async (question: object, user: User = 'admin'): Promise<string[]> => {
    const answer = await as(user, '/messages/export', { reason: 'ticket 4', ...question })
    assert.equal(answer.status, 200, answer.text)
    assert.equal(answer.headers.get('content-type'), 'application/hl7-v2; charset=utf-8')
    const name = /^attachment; filename="(hl7-out-\d{8}T\d{6}Z)\.hl7"$/.exec(
      answer.headers.get('content-disposition') ?? ''
    )?.[1]
    assert.ok(answer.text.endsWith('\r'))
    const lines = answer.text.slice(0, -1).split('\r')
    assert.match(lines[0] ?? '', new RegExp(`^FHS\\|.*\\|${name}$`))
    assert.match(lines[1] ?? '', /^BHS\|/)
    assert.match(lines.at(-1) ?? '', /^FTS\|1$/)
    // A receiver can read it as a batch.
    assert.equal(readOutgoingMessage(answer.text, 'auto').text, answer.text)
    return lines.slice(2, -1)
  }

  it('as one batch, in the order of acceptance, with names and numbers masked', async () => {
    const ids = [(await row('X-BAD')).id, (await row('X-1')).id]
    const lines = await take({ ids }, 'clerk')
    assert.deepEqual(
      lines.filter((line) => line.startsWith('MSH')).map((line) => controlIdIn(line)),
      ['X-1', 'X-BAD']
    )
    assert.doesNotMatch(lines.join('\r'), PATIENT)
    assert.ok(lines.includes('PID|1||X^^^X^X||X^X^X||19000101|X'))
    assert.ok(lines.includes('PV1|1|I|X^X^X^X'))
    assert.equal(
      lines.at(-1),
      'BTS|2|2 of 2 chosen messages; 0 are missing because their contents are not kept; 0 are left out because the file would be too large|2~0~0'
    )
  })

  it('as they were sent, each followed by its reply', async () => {
    const [{ id: good }, { id: bad }] = [await row('X-1'), await row('X-BAD')]
    const question = { ids: [good, bad], clear: true }
    const lines = await take(question)
    assert.equal(
      lines.slice(0, -1).join('\r'),
      `${adt('X-1')}\r${adt('X-BAD', { birth: '20990101' })}`
    )
    const replied = await take({ ...question, replies: true })
    assert.equal(replied.filter((line) => line.startsWith('MSA|AA|X-1')).length, 1)
    assert.ok(
      replied.some((line) => line.startsWith('ERR|')),
      replied.join('\n')
    )
    assert.match(replied.at(-1) ?? '', /^BTS\|4\|2 of 2 .*\|2~0~0$/)
    // What the receiver quotes is masked, too.
    assert.doesNotMatch((await take({ ids: [good, bad], replies: true })).join('\r'), PATIENT)
    assert.equal((await as('clerk', '/messages/export', { ...question, reason: 'x' })).status, 200)
  })

  it('by a filter, and those without content are counted', async () => {
    const count = async (question: object): Promise<ExportCount> => {
      const { body, status, text } = await as('clerk', '/messages/export', {
        ...question,
        dryRun: true
      })
      assert.equal(status, 200, text)
      return body as ExportCount
    }
    assert.deepEqual(await count({ all: true }), { found: 3, withContent: 2 })
    assert.deepEqual(await count({ state: 'acked' }), { found: 2, withContent: 1 })
    assert.deepEqual(await count({ state: ['acked', 'suspended'], type: 'ADT^A01' }), {
      found: 3,
      withContent: 2
    })
    assert.deepEqual(await count({ controlId: 'NOBODY' }), { found: 0, withContent: 0 })
    const lines = await take({ state: ['suspended', 'acked'] })
    assert.match(lines.at(-1) ?? '', /^BTS\|2\|2 of 3 .* 1 are missing .*\|2~1~0$/)
    const { id } = await row('GONE-1')
    for (const question of [{ ids: [id] }, { ids: [] }, { controlId: 'NOBODY' }]) {
      const { status, text } = await as('admin', '/messages/export', { ...question, reason: 'x' })
      assert.equal(status, 409, text)
      assert.match(text, /nothing to take out/)
    }
  })

  it('with a permission of its own and a reason, which are logged', async () => {
    const { id } = await row('X-1')
    for (const user of ['watch', 'night', 'analyst', 'read', 'write', 'stranger'] as const) {
      const { status } = await as(user, '/messages/export', { ids: [id], reason: 'x' })
      assert.equal(status, 401, user)
    }
    for (const wrong of [
      { ids: [id] },
      { ids: [id], reason: '  ' },
      { ids: [id], reason: 7 },
      { ids: id, reason: 'x' },
      { ids: [id], state: 'acked', reason: 'x' },
      { reason: 'x' },
      { controlId: '', reason: 'x' },
      { all: true, state: 'lost', reason: 'x' },
      { state: 'lost', reason: 'x' },
      { limit: 1, reason: 'x' },
      { ids: [id], reason: 'x', clear: 'yes' }
    ]) {
      const { status } = await as('admin', '/messages/export', wrong)
      assert.equal(status, 400, JSON.stringify(wrong))
    }
    await take({ ids: [id], reason: 'ticket 9', dryRun: false }, 'clerk')
    await take({ ids: [id], reason: `ticket\r\n${'7'.repeat(300)}` }, 'clerk')
    await take({ ids: [id], reason: 'ticket 8', clear: true })
    const { events } = (await as('watch', '/events?limit=2')).body as EventPage
    const said = `ticket??${'7'.repeat(191)}…`
    assert.deepEqual(
      events.map(({ by, kind, text }) => [kind, by, text]),
      [
        ['exported', 'admin', '1 message taken out, with names and numbers: “ticket 8”'],
        ['exported', 'clerk', `1 message taken out, with names and numbers masked: “${said}”`]
      ]
    )
    const log = await world.nodeRed.printed()
    const audited = log.filter((line) => line.includes('"hl7-https-out.export"'))
    assert.ok(
      audited.some((line) => /"reason":"ticket 8".*"clear":true/.test(line)),
      log.join('\n')
    )
    assert.ok(audited.some((line) => line.includes(`"reason":"${said}"`)))
    const counted = log.filter((line) => line.includes('"hl7-https-out.export-count"'))
    assert.ok(counted.length > 0)
    // A flag that is not set makes no count of it.
    assert.ok(audited.some((line) => line.includes('"reason":"ticket 9"')))
    assert.ok(!counted.some((line) => line.includes('"reason"')))
    assert.doesNotMatch(log.join('\n'), PATIENT)
  })

  it('in UTF-8, whatever they were sent in', async () => {
    world.receiver.respond = ({ body }) => ({
      body: ackFor(/\|(C-\d)\|/.exec(body.toString().replaceAll('\0', ''))?.[1] ?? '')
    })
    const text = (id: string, set: string): string =>
      adt(id).replace('|P|2.5.1', `|P|2.5.1||||||${set}`).replace('Astrid', 'Åstrid')
    const messages: [id: string, payload: unknown, expected: string][] = [
      ['C-2', encode(text('C-2', '8859/1'), '8859/1'), text('C-2', 'UNICODE UTF-8')],
      ['C-3', text('C-3', ''), text('C-3', '')]
    ]
    for (const [id, payload, expected] of messages) {
      await send(id, payload)
      await left(id)
      const lines = await take({ ids: [(await row(id)).id], clear: true })
      assert.equal(lines.slice(0, -1).join('\r'), expected, id)
      const masked = await take({ ids: [(await row(id)).id] })
      assert.doesNotMatch(masked.join('\r'), /strid|NS4711/)
    }
  })
})
