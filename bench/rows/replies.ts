import { BenchNodeRed } from '../bench-node-red.ts'
import { ours, shared, WIDTH } from '../candidates.ts'
import type { Row } from '../report.ts'
import type { AnswerKind, Servers } from '../servers.ts'
import { turn, Turns } from '../turns.ts'

/** What a SOAP reply costs: the same node, while the receiver answers in turn with HL7 and with XML. */
export async function replyRows(servers: Servers, quick: boolean): Promise<Row[]> {
  const nodeRed = await BenchNodeRed.start({
    flows: [...shared(servers), ...ours('out', servers, { queue: 'memory' })]
  })
  const spec = { messages: quick ? 400 : 1000, width: WIDTH, bytes: 1024 }
  const answered = (as: AnswerKind) => async () => {
    await servers.setAnswer(as)
    return turn(nodeRed, servers, 'out', spec)
  }
  const turns = await Turns.take(
    { hl7: answered('hl7'), soap: answered('soap') },
    quick ? 3 : 11,
    quick ? 2 : 4
  )
  await servers.setAnswer('checked')
  await nodeRed.stop()
  return [
    {
      what: 'CPU per message, memory queue, SOAP reply / HL7 reply',
      value: turns.ratio('soap', 'hl7'),
      unit: '×',
      note: `${Math.round(turns.cpuUs('soap'))} and ${Math.round(turns.cpuUs('hl7'))} µs`
    }
  ]
}
