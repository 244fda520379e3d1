import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { adt, CLIENT_ID, CLIENT_SECRET, shareWorld } from '../support/world.ts'

const KEY = 'the key of a header 0815'

describe('secrets and patients', () => {
  const world = shareWorld({ users: true })

  it('are not on the node objects, which every node of a flow can look up', async () => {
    await world.nodeRed.deploy([
      ...world.flow({
        headers: [{ name: 'X-Key', value: 'secret1', valueType: 'cred' }],
        credentials: { secret1: KEY }
      }),
      { id: 'in2', type: 'inject', z: 'tab', props: [], wires: [['look']] },
      { id: 'look', type: 'probe', z: 'tab', wires: [] }
    ])
    assert.equal((await world.send(adt('LOOK0001'))).output, 'ack')
    assert.equal(world.receiver.requests.at(-1)?.headers['x-key'], KEY)
    await world.nodeRed.inject('in2', { look: ['auth', 'out'] })
    const [{ looked } = {}] = await world.nodeRed.waitForMessages('look')
    const seen = (looked as string[]).join('\n')
    for (const secret of [CLIENT_SECRET, CLIENT_ID, KEY, 'eyJ', 'BEGIN CERT', 'tokens']) {
      assert.ok(!seen.includes(secret), `${secret} is in ${seen.slice(0, 2000)}`)
    }
    assert.match(seen, /hl7-https-out/)
  })

  it('are not shown by a receiver that sends the credentials of a header back', async () => {
    const basic = Buffer.from('hl7user:Winter-2026!').toString('base64')
    const computed = Buffer.from('hl7second:Summer-2026!').toString('base64')
    const key = 'key-of-the-environment-4711'
    const flow = world.flow(
      {
        auth: '',
        failureTimeout: 0,
        headers: [
          { name: 'Authorization', value: 'secret1', valueType: 'cred' },
          {
            name: 'X-Second',
            value: '"Basic " & $base64encode("hl7second:Summer-2026!")',
            valueType: 'jsonata'
          },
          { name: 'X-Third', value: '$env("THIRD")', valueType: 'jsonata' },
          { name: 'X-Fourth', value: 'hl7 fourth secret2', valueType: 'basic' }
        ],
        credentials: { secret1: `Basic ${basic}`, secret2: 'Pässe-2026!' }
      },
      {}
    )
    const env = [{ name: 'THIRD', value: key, type: 'str' }]
    await world.nodeRed.deploy(flow.map((node) => (node.id === 'tab' ? { ...node, env } : node)))
    const fourth = Buffer.from('hl7 fourth:Pässe-2026!').toString('base64')
    const words = [
      ...[key, basic, 'hl7user:Winter-2026!', computed, 'hl7second:Summer-2026!'],
      ...[fourth, 'hl7 fourth:Pässe-2026!', 'Pässe-2026!']
    ]
    const said = words.join(' or ')
    world.receiver.respond = () => ({
      status: 401,
      body: '',
      headers: {
        'www-authenticate': `Bearer error="invalid_request", error_description="no ${said}"`,
        'x-echo': said,
        'x-fourth': fourth,
        'x-third': key
      }
    })
    const { headers, error } = (await world.caught(adt('ECHO0001'))) as {
      headers?: unknown
      error: unknown
    }
    const log = (await world.nodeRed.printed()).join('\n')
    const seen = JSON.stringify([headers, error, (await world.state()).lastError, log])
    const sent = world.receiver.requests.at(-1)?.headers
    assert.deepEqual([sent?.['x-third'], sent?.['x-fourth']], [key, `Basic ${fourth}`])
    assert.match(seen, /x-echo/)
    for (const word of [...words, 'Winter-2026!', 'Summer-2026!']) {
      assert.ok(!seen.includes(word), `${word} is shown`)
    }
  })

  it('are not in the log, even at its finest level, whatever happens', async () => {
    await world.deploy({ failureTimeout: 0 })
    await world.send(adt('NAK00001', { birth: '20990101' }))
    await world.caught('PID|1||NS471100')
    world.receiver.respond = () => ({ status: 400, body: 'Lindqvist' })
    await world.caught(adt('FAILED01'))
    const credentials = { clientId: CLIENT_ID, clientSecret: 'wrong-1-2-3' }
    await world.deploy({ failureTimeout: 0 }, { credentials })
    await world.caught(adt('NOTOKEN1'))
    const log = (await world.nodeRed.printed()).join('\n')
    assert.match(log, /\[metric\]/i)
    assert.match(log, /\[trace\]|\[debug\]/i)
    for (const word of [CLIENT_SECRET, KEY, 'wrong-1-2-3', 'eyJ', 'Lindqvist', 'NS471100']) {
      assert.ok(!log.includes(word), `${word} is in the log`)
    }
  })
})
