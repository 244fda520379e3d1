import { BenchNodeRed } from '../bench-node-red.ts'
import { ours, shared } from '../candidates.ts'
import type { Row } from '../report.ts'
import type { Servers } from '../servers.ts'

/** Token requests of a config node while 50 messages at a time need a token. */
export async function tokenRows(servers: Servers): Promise<Row[]> {
  const nodeRed = await BenchNodeRed.start({
    flows: [
      ...shared(servers),
      ...ours('memory', servers, { queue: 'memory', order: 'none', maxInFlight: 50 })
    ]
  })
  const before = await servers.tokenRequests()
  await nodeRed.run('memory', { messages: 10_000, width: 50, bytes: 1024 })
  const requests = (await servers.tokenRequests()) - before
  await nodeRed.stop()
  return [
    {
      what: 'token requests for 10 000 messages, 50 at a time',
      value: requests,
      unit: '',
      budget: { atMost: 1 }
    }
  ]
}
