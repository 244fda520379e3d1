import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { ReceiverAnswer } from '../../demo/hl7-receiver.ts'
import { escapeXml } from '../../src/https/escape-xml.ts'
import { adt, startWorld, type World } from '../support/world.ts'

const msh = 'MSH|^~\\&|R|C|W|N|20260102||ACK^A01|R1|P|2.5.1\r'
const [yes, no] = [`${msh}MSA|AA|B1\r`, `${msh}MSA|AE|B2|no\rERR|||101|E\r`]

interface Ack {
  code: string
  controlId: string
  errors: { code: string }[]
}

describe('the acknowledgements of a batch', () => {
  let world: World
  before(async () => {
    world = await startWorld()
    await world.deploy({ queue: 'disk', failureTimeout: 0 })
  })
  after(() => world.close())

  const batch = `BHS|^~\\&|W|N|R|C|20260102||||BATCH\r${adt('B1')}\r${adt('B2')}\rBTS|2\r`

  /** Sends the batch. @returns where it left, and what it says */
  async function sent(
    answer: ReceiverAnswer
  ): Promise<{ probe: string; hl7: { ack: Ack | null; acks?: Ack[] } }> {
    const { nodeRed, receiver } = world
    receiver.respond = () => answer
    const probes = ['ack', 'nak', 'caught']
    const earlier = probes.map((probe) => nodeRed.messages(probe).length)
    await nodeRed.inject('in', { payload: batch })
    const probe = await nodeRed.waitFor(() =>
      probes.find((name, at) => nodeRed.messages(name).length > (earlier[at] ?? 0))
    )
    return { probe, hl7: nodeRed.messages(probe).at(-1)?.['hl7'] as { ack: Ack | null } }
  }

  const replies: Record<string, string> = {
    'a batch': `BHS|^~\\&|R\r${yes}${no}BTS|2\r`,
    'a list in JSON': JSON.stringify({ acks: [yes, no] }),
    'elements of XML': `<r><a>${escapeXml(yes)}</a><a><![CDATA[${no}]]></a></r>`
  }
  for (const [what, body] of Object.entries(replies)) {
    it(`are all in msg.hl7.acks, if the reply is ${what}`, async () => {
      const { probe, hl7 } = await sent({ body })
      assert.equal(probe, 'nak')
      assert.equal(hl7.ack?.code, 'AE')
      assert.deepEqual(
        hl7.acks?.map(({ code, controlId, errors }) => [code, controlId, errors.length]),
        [
          ['AA', 'B1', 0],
          ['AE', 'B2', 1]
        ]
      )
      assert.deepEqual(hl7.acks[1], hl7.ack)
    })
  }

  it('are there if all are accepted, too', async () => {
    const { probe, hl7 } = await sent({ body: yes + yes.replace('B1', 'B2') })
    assert.equal(probe, 'ack')
    assert.deepEqual(
      hl7.acks?.map(({ controlId }) => controlId),
      ['B1', 'B2']
    )
  })

  it('are absent if there is one, none, or one that does not count', async () => {
    for (const answer of [
      { body: yes },
      { body: 'BHS|^~\\&|R\rBTS|0\r' },
      { body: 'OK' },
      { body: yes + yes, status: 503 }
    ]) {
      const { hl7 } = await sent(answer)
      assert.ok(!('acks' in hl7), JSON.stringify(answer))
    }
  })
})
