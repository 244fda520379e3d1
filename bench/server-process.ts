/** The process of a server of the bench; started by servers.ts. */
import { acknowledge } from '../demo/acknowledge.ts'
import { startAuthorizationServer } from '../demo/authorization-server.ts'
import { startHl7Receiver } from '../demo/hl7-receiver.ts'
import type { ServerRequest, ServerReport } from './servers.ts'

const report = (message: ServerReport): void => {
  process.send?.(message)
}
let counters = (): ServerReport['counters'] => ({ requests: 0, connections: 0 })
let setLatency = (_ms: number): void => undefined
let refused: string | undefined
let firstAt: number | undefined
let acceptedAt: number | undefined

process.on('disconnect', () => process.exit(0))
process.on('message', (request: ServerRequest) => {
  void answer(request)
})

async function answer(request: ServerRequest): Promise<void> {
  if (request.kind === 'tokens') {
    const server = await startAuthorizationServer(request.options)
    counters = () => ({ requests: server.tokenRequests, connections: 0 })
    report({ url: server.issuer, counters: counters() })
    return
  }
  if (request.kind === 'receiver') {
    const receiver = await startHl7Receiver({ ...request.options, record: false })
    let latency = 0
    setLatency = (ms) => {
      latency = ms
      firstAt = undefined
      acceptedAt = undefined
    }
    receiver.respond = ({ body }) => {
      firstAt ??= Date.now()
      if (refused !== undefined && body.includes(refused)) return { status: 503 }
      acceptedAt ??= Date.now()
      if (latency === 0) return undefined
      return { delayMs: latency, body: acknowledge(body.toString(), new Date())?.text ?? '' }
    }
    counters = () => {
      const { requests, connections } = receiver.counters
      return {
        ...{ requests, connections },
        ...(firstAt === undefined ? {} : { firstAt }),
        ...(acceptedAt === undefined ? {} : { acceptedAt })
      }
    }
    report({ url: receiver.url, counters: counters() })
    return
  }
  if (request.kind === 'latency') setLatency(request.ms)
  if (request.kind === 'refuse') refused = request.text
  report({ url: '', counters: counters() })
}
