import { BenchNodeRed } from '../bench-node-red.ts'
import { ours, shared, WIDTH } from '../candidates.ts'
import type { Row } from '../report.ts'
import { CLIENT, SCOPE, type Servers } from '../servers.ts'
import { turn, Turns } from '../turns.ts'

/** What DPoP costs, which signs a proof for each message. The receiver checks neither token nor proof. */
export async function dpopRows(servers: Servers, quick: boolean): Promise<Row[]> {
  const nodeRed = await BenchNodeRed.start({
    flows: [
      ...shared(servers),
      {
        ...{ id: 'dpop auth', type: 'oauth2-client-credentials', issuer: servers.issuer },
        ...{ scope: SCOPE, tls: 'tls', dpop: true, credentials: CLIENT }
      },
      ...ours('bearer', servers, { queue: 'memory' }),
      ...ours('dpop', servers, { queue: 'memory', auth: 'dpop auth' })
    ]
  })
  const messages = quick ? 400 : 1000
  const spec = { messages, width: WIDTH, bytes: 1024 }
  await servers.setAnswer('hl7')
  /** @param proofs how many of the messages must have one */
  const candidate = (name: string, proofs: number) => async () => {
    const { proofs: before } = await servers.received()
    const taken = await turn(nodeRed, servers, name, spec)
    const proven = (await servers.received()).proofs - before
    if (proven !== proofs) {
      throw new Error(`${name}: ${proven} of ${messages} messages with a proof`)
    }
    return taken
  }
  const turns = await Turns.take(
    { bearer: candidate('bearer', 0), dpop: candidate('dpop', messages) },
    quick ? 3 : 11
  )
  await servers.setAnswer('checked')
  await nodeRed.stop()
  return [
    {
      what: 'CPU per message, memory queue, DPoP / bearer token',
      value: turns.ratio('dpop', 'bearer'),
      unit: '×',
      note: `${Math.round(turns.cpuUs('dpop'))} and ${Math.round(turns.cpuUs('bearer'))} µs`
    }
  ]
}
