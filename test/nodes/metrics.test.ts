import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { METRICS, metricsText, type NodeFigures } from '../../nodes/operations/metrics.ts'
import { AttemptCounts } from '../../src/delivery/attempt-counts.ts'
import type { FlowNode } from '../support/node-red.ts'
import { fullNode, fullTokenNode } from '../support/sample-figures.ts'
import { adt, shareWorld } from '../support/world.ts'

/** The lines of one metric, without its comments. */
function lines(text: string, metric: string): string[] {
  return text
    .split('\n')
    .filter((line) => new RegExp(`^hl7_https_out_${metric}(?:\\{| )`).test(line))
    .map((line) => line.replace('hl7_https_out_', ''))
}

/** What nothing has happened to. */
function quietNode(): NodeFigures {
  return {
    ...{ id: 'n1', name: 'Quiet', refused: new Map([['HL7_QUEUE_FULL', 0]]) },
    ...{ tokenValidMs: undefined, certificates: [], conditions: [] },
    delivery: {
      ...new AttemptCounts().figures(),
      outcomes: { ack: 0, nak: 0, error: 0 },
      queue: {
        messages: { waiting: 0, in_flight: 0, retrying: 0, awaiting: 0, suspended: 0 },
        ...{ oldestAgeMs: 0, longestWaitMs: 0, isPaused: false }
      }
    }
  }
}

describe('the metrics', () => {
  it('say which conditions hold, each code at each level that it can have', () => {
    const own = 'node="a1",name="Registry"'
    const all = lines(metricsText([fullNode()], []), 'condition')
    assert.deepEqual(
      all.filter((line) => line.endsWith(' 1')),
      [
        `condition{${own},code="SUSPENDED",level="call"} 1`,
        `condition{${own},code="REFUSING",level="watch"} 1`,
        `condition{${own},code="ACK",level="fine"} 1`
      ]
    )
    assert.ok(all.includes(`condition{${own},code="REFUSING",level="call"} 0`))
    assert.ok(all.includes(`condition{${own},code="CONFIG",level="call"} 0`))
  })

  it('say what a node has done', () => {
    const text = metricsText([fullNode()], [fullTokenNode()])
    const own = 'node="a1",name="Registry"'
    assert.deepEqual(lines(text, 'messages_total'), [
      `messages_total{${own},outcome="ack"} 120`,
      `messages_total{${own},outcome="nak"} 7`,
      `messages_total{${own},outcome="error"} 3`
    ])
    assert.deepEqual(lines(text, 'attempts_total'), [
      `attempts_total{${own},result="ack"} 120`,
      `attempts_total{${own},result="nak"} 8`,
      `attempts_total{${own},result="http"} 5`,
      `attempts_total{${own},result="error"} 4`,
      `attempts_total{${own},result="token"} 2`
    ])
    assert.deepEqual(lines(text, 'queue_messages'), [
      `queue_messages{${own},state="waiting"} 20`,
      `queue_messages{${own},state="in_flight"} 1`,
      `queue_messages{${own},state="retrying"} 2`,
      `queue_messages{${own},state="awaiting"} 3`,
      `queue_messages{${own},state="suspended"} 4`
    ])
    assert.deepEqual(lines(text, 'refused_total'), [
      `refused_total{${own},code="HL7_INVALID_MESSAGE"} 5`
    ])
    assert.deepEqual(lines(text, 'queue_oldest_seconds'), [`queue_oldest_seconds{${own}} 5400.5`])
    assert.deepEqual(lines(text, 'queue_longest_wait_seconds'), [
      `queue_longest_wait_seconds{${own}} 90.25`
    ])
    assert.deepEqual(lines(text, 'paused'), [`paused{${own}} 1`])
    assert.deepEqual(lines(text, 'token_valid_seconds'), [`token_valid_seconds{${own}} 240`])
    assert.deepEqual(lines(text, 'token_requests_total'), [
      'token_requests_total{node="t1",name="Login",result="ok"} 9',
      'token_requests_total{node="t1",name="Login",result="error"} 1'
    ])
  })

  it('count every answer in each bucket that it does not exceed, and say the sum', () => {
    const text = metricsText([fullNode()], [])
    const values = lines(text, 'request_duration_seconds_bucket').map((line) =>
      /le="([^"]+)"} (.+)$/.exec(line)?.slice(1)
    )
    assert.deepEqual(values, [
      ...[
        ['0.05', '100'],
        ['0.1', '110'],
        ['0.25', '120'],
        ['0.5', '125']
      ],
      ...[
        ['1', '130'],
        ['2.5', '131'],
        ['5', '132'],
        ['10', '132'],
        ['30', '132'],
        ['60', '132']
      ],
      ['+Inf', '133']
    ])
    const own = 'node="a1",name="Registry"'
    assert.deepEqual(lines(text, 'request_duration_seconds_sum'), [
      `request_duration_seconds_sum{${own}} 98.765`
    ])
    assert.deepEqual(lines(text, 'request_duration_seconds_count'), [
      `request_duration_seconds_count{${own}} 133`
    ])
  })

  it('begin with zero for each value of a label, and leave out what there is not', () => {
    const text = metricsText([quietNode()], [])
    for (const [metric, values] of [
      ['messages_total', 3],
      ['attempts_total', 5],
      ['refused_total', 1],
      ['queue_messages', 5],
      ['request_duration_seconds_bucket', 11]
    ] as const) {
      const found = lines(text, metric)
      assert.equal(found.length, values, metric)
      for (const line of found) assert.match(line, / 0$/)
    }
    assert.doesNotMatch(text, /token_|certificate_/)
  })

  it('say nothing of a queue that is not open, and of a node that is not set up what it refused', () => {
    const { delivery, ...node } = quietNode()
    const closed = metricsText(
      [{ ...node, delivery: delivery && { ...delivery, queue: undefined } }],
      []
    )
    assert.doesNotMatch(closed, /queue_|paused/)
    assert.match(closed, /messages_total/)
    const unusable = metricsText([{ ...node, delivery: undefined }], [])
    assert.deepEqual(
      unusable
        .split('\n')
        .filter((line) => /^hl7_https_out_\w+\{/.test(line) && !/_condition\{/.test(line)),
      ['hl7_https_out_refused_total{node="n1",name="Quiet",code="HL7_QUEUE_FULL"} 0']
    )
  })

  it('say whether the flows run, even where there is no node', () => {
    for (const areFlowsRunning of [true, false]) {
      const text = metricsText([], [], { areFlowsRunning })
      assert.match(
        text,
        new RegExp(`^hl7_https_out_flows_running ${Number(areFlowsRunning)}$`, 'm')
      )
      assert.equal(text.match(/^hl7_/gm)?.length, 1)
    }
  })

  it('name each metric once, with help and type, its values together', () => {
    const nodes = [fullNode(), { ...fullNode(), id: 'a2' }, quietNode()]
    const text = metricsText(nodes, [fullTokenNode()])
    assert.ok(text.endsWith('\n'))
    const families: string[] = []
    for (const block of text.split(/(?=^# HELP )/m)) {
      const [, name = ''] =
        /^# HELP (\w+) \S.*\n# TYPE \1 (?:counter|gauge|histogram)\n/.exec(block) ?? []
      families.push(name)
      for (const line of block.trimEnd().split('\n').slice(2)) {
        const labels = name === 'hl7_https_out_flows_running' ? ' ' : '\\{node="'
        assert.match(line, new RegExp(`^${name}(?:_bucket|_sum|_count)?${labels}`))
      }
    }
    assert.deepEqual(
      families,
      Object.keys(METRICS).map((name) => `hl7_https_out_${name}`)
    )
  })

  it('have no value twice and none that is no number', () => {
    const { delivery, ...node } = fullNode()
    assert.ok(delivery?.queue)
    const odd = {
      ...node,
      delivery: { ...delivery, queue: { ...delivery.queue, oldestAgeMs: NaN } },
      tokenValidMs: Infinity
    }
    const text = metricsText([odd], [fullTokenNode()])
    const series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    const names = series.map((line) => line.slice(0, line.lastIndexOf(' ')))
    assert.equal(new Set(names).size, names.length)
    for (const line of series) assert.match(line, / -?\d+(?:\.\d+)?$/)
  })

  it('take any name', () => {
    const named = (name: string): string => {
      const [line = ''] = lines(metricsText([{ ...quietNode(), name }], []), 'paused')
      return /name="((?:\\.|[^"\\])*)"} 0$/.exec(line)?.[1] ?? ''
    }
    assert.equal(named('a "b" \\ c\nd'), 'a \\"b\\" \\\\ c\\nd')
    assert.equal(named('\\n'), '\\\\n')
    assert.equal(named('Zürich 東京'), 'Zürich 東京')
  })
})

describe('GET /hl7-https-out/metrics', () => {
  const world = shareWorld()

  /** The values of one metric, by their labels. */
  async function values(metric: string): Promise<Record<string, number>> {
    const { status, body } = await world.nodeRed.get('/hl7-https-out/metrics')
    assert.equal(status, 200)
    return Object.fromEntries(
      lines(String(body), metric).map((line) => {
        const [, labels = '', value] = /\{(.*)\} (.*)$/.exec(line) ?? []
        return [labels, Number(value)]
      })
    )
  }
  const nodeOf = (flow: readonly FlowNode[]): FlowNode => {
    const out = flow.find(({ id }) => id === 'out')
    assert.ok(out)
    return out
  }
  const own = 'node="out",name="Lab"'

  it('has all nodes that run, those in subflows too, and none that is gone', async () => {
    const flow = world.flow({ name: 'Lab' })
    const out = nodeOf(flow)
    await world.nodeRed.deploy([
      ...flow,
      { id: 'sub', type: 'subflow', name: 'Sub', in: [], out: [] },
      { ...out, id: 'inner', z: 'sub', name: 'Inner', wires: [[], []] },
      { id: 'use1', type: 'subflow:sub', z: 'tab', wires: [] },
      { id: 'use2', type: 'subflow:sub', z: 'tab', wires: [] },
      { ...out, id: 'off', name: 'Off', d: true }
    ])
    await world.eventually(async () => Object.keys(await values('paused')).length >= 3)
    assert.deepEqual(await values('paused'), {
      [own]: 0,
      'node="use1-inner",name="Inner"': 0,
      'node="use2-inner",name="Inner"': 0
    })
    await world.nodeRed.deploy([...flow.filter((node) => node.id !== 'out'), { ...out, id: 'new' }])
    await world.eventually(async () => Object.keys(await values('paused')).length > 0)
    assert.deepEqual(await values('paused'), { 'node="new",name="Lab"': 0 })
  })

  it('counts each token request once, however many nodes share the token', async () => {
    const flow = world.flow({ name: 'Lab' }, { name: 'Login' })
    await world.nodeRed.deploy([...flow, { ...nodeOf(flow), id: 'other' }])
    assert.deepEqual(await values('token_valid_seconds'), {}, 'none was needed yet')
    await world.send(adt('SHARED1'))
    assert.deepEqual(await values('token_requests_total'), {
      'node="auth",name="Login",result="ok"': 1,
      'node="auth",name="Login",result="error"': 0
    })
    const valid = await values('token_valid_seconds')
    assert.deepEqual(Object.keys(valid), [own, 'node="other",name="Lab"'])
    for (const seconds of Object.values(valid)) assert.ok(seconds > 60)
  })

  it('says 0 for a token that there should be, and counts why', async () => {
    await world.deploy({ name: 'Lab' }, { credentials: { clientId: 'x', clientSecret: 'wrong' } })
    await world.nodeRed.inject('in', { payload: adt('NOTOKEN1') })
    await world.eventually(
      async () => ((await values('attempts_total'))[`${own},result="token"`] ?? 0) > 0
    )
    assert.deepEqual(await values('token_valid_seconds'), { [own]: 0 })
  })

  it('counts what is not accepted, by its error code', async () => {
    await world.deploy({ name: 'Lab', queueLimit: 1 })
    await world.nodeRed.post('/hl7-https-out/out/pause')
    await world.caught('no HL7')
    await world.nodeRed.inject('in', { payload: adt('FULL1') })
    for (const id of ['FULL2', 'FULL3']) await world.caught(adt(id))
    assert.deepEqual(await values('refused_total'), {
      [`${own},code="HL7_CONFIG"`]: 0,
      [`${own},code="HL7_INVALID_MESSAGE"`]: 1,
      [`${own},code="HL7_QUEUE_FULL"`]: 2,
      [`${own},code="HL7_QUEUE_FAILED"`]: 0
    })
    assert.equal((await values('queue_messages'))[`${own},state="waiting"`], 1)
    assert.deepEqual(await values('paused'), { [own]: 1 })
  })
})
