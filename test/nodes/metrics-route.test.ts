import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { adt, startWorld, type World } from '../support/world.ts'

describe('GET /hl7-https-out/metrics', () => {
  let world: World
  before(async () => {
    world = await startWorld()
  })
  after(() => world.close())

  /** The values of one metric, by their labels. */
  async function values(metric: string): Promise<Record<string, number>> {
    const { status, body } = await world.nodeRed.get('/hl7-https-out/metrics')
    assert.equal(status, 200)
    const found = String(body).matchAll(
      new RegExp(`^hl7_https_out_${metric}\\{(.*)\\} (.*)$`, 'gm')
    )
    const entries = [...found].map(([, labels = '', value]) => [labels, Number(value)] as const)
    return Object.fromEntries(entries)
  }

  /** What queues say, when that many are open. */
  const pausedOf = async (count: number): Promise<Record<string, number>> => {
    for (let tries = 0; ; tries++) {
      const found = await values('paused')
      if (Object.keys(found).length >= count || tries === 100) return found
      await wait(50)
    }
  }

  it('has all nodes that run, those in subflows too, and none that is gone', async () => {
    const { host } = new URL(world.receiver.url)
    const flow = world.flow()
    const out = flow.find(({ id }) => id === 'out')
    assert.ok(out)
    const inSubflow = { ...out, id: 'inner', z: 'sub', name: 'Inner', wires: [[], []] }
    const disabled = { ...out, id: 'off', name: 'Off', d: true }
    await world.nodeRed.deploy([
      ...flow,
      { id: 'sub', type: 'subflow', name: 'Sub', in: [], out: [] },
      inSubflow,
      { id: 'use1', type: 'subflow:sub', z: 'tab', wires: [] },
      { id: 'use2', type: 'subflow:sub', z: 'tab', wires: [] },
      disabled
    ])
    assert.deepEqual(await pausedOf(3), {
      [`node="out",name="${host}"`]: 0,
      'node="use1-inner",name="Inner"': 0,
      'node="use2-inner",name="Inner"': 0
    })
    await world.nodeRed.deploy([...flow.filter(({ id }) => id !== 'out'), { ...out, id: 'new' }])
    assert.deepEqual(Object.keys(await pausedOf(1)), [`node="new",name="${host}"`])
  })

  it('counts each token request once, however many nodes share the token', async () => {
    const flow = world.flow({}, { name: 'Login' })
    const out = flow.find(({ id }) => id === 'out')
    assert.ok(out)
    await world.nodeRed.deploy([...flow, { ...out, id: 'other' }])
    const own = (id: string): string => `node="${id}",name="${new URL(world.receiver.url).host}"`
    assert.deepEqual(await values('token_valid_seconds'), {}, 'none was needed yet')
    const before = world.nodeRed.messages('ack').length
    await world.nodeRed.inject('in', { payload: adt('SHARED1') })
    await world.nodeRed.waitForMessages('ack', before + 1)
    assert.deepEqual(await values('token_requests_total'), {
      'node="auth",name="Login",result="ok"': 1,
      'node="auth",name="Login",result="error"': 0
    })
    const valid = await values('token_valid_seconds')
    assert.deepEqual(Object.keys(valid), [own('out'), own('other')])
    for (const seconds of Object.values(valid)) assert.ok(seconds > 60)
  })

  it('says 0 for a token that there should be, and counts why', async () => {
    await world.deploy({ name: 'Lab' }, { credentials: { clientId: 'x', clientSecret: 'wrong' } })
    await world.nodeRed.inject('in', { payload: adt('NOTOKEN1') })
    const failed = 'node="out",name="Lab",result="token"'
    for (let tries = 0; tries < 200 && (await values('attempts_total'))[failed] === 0; tries++) {
      await wait(50)
    }
    assert.ok(((await values('attempts_total'))[failed] ?? 0) > 0)
    assert.deepEqual(await values('token_valid_seconds'), { 'node="out",name="Lab"': 0 })
  })

  it('counts what is not accepted, by its error code', async () => {
    await world.deploy({ name: 'Lab', queueLimit: 1 })
    await world.nodeRed.post('/hl7-https-out/out/pause')
    const before = world.nodeRed.messages('caught').length
    await world.nodeRed.inject('in', { payload: 'no HL7' })
    for (const id of ['FULL1', 'FULL2', 'FULL3']) {
      await world.nodeRed.inject('in', { payload: adt(id) })
    }
    await world.nodeRed.waitForMessages('caught', before + 3)
    const own = 'node="out",name="Lab"'
    assert.deepEqual(await values('refused_total'), {
      [`${own},code="HL7_CONFIG"`]: 0,
      [`${own},code="HL7_INVALID_MESSAGE"`]: 1,
      [`${own},code="HL7_QUEUE_FULL"`]: 2,
      [`${own},code="HL7_QUEUE_FAILED"`]: 0
    })
    const queue = await values('queue_messages')
    assert.equal(queue[`${own},state="waiting"`], 1)
    assert.deepEqual(await values('paused'), { [own]: 1 })
  })
})
