/** The process of a server of the bench; started by servers.ts. */
import { acknowledge } from '../demo/acknowledge.ts'
import { startHl7Receiver } from '../demo/hl7-receiver.ts'
import { answerSubmission } from '../demo/soap-registry.ts'
import { startTokenProvider } from '../test/support/token-provider.ts'
import type { AnswerKind, ServerRequest, ServerReport } from './servers.ts'
import type { ReceiverAnswer } from '../demo/received-request.ts'

const report = (message: ServerReport): void => {
  process.send?.(message)
}
let counters = (): ServerReport['counters'] => ({ requests: 0, connections: 0, proofs: 0 })
let setLatency = (_ms: number): void => undefined
let refused: string | undefined
let answerAs: AnswerKind = 'checked'
let firstAt: number | undefined
let acceptedAt: number | undefined

process.on('disconnect', () => process.exit(0))
process.on('message', (request: ServerRequest) => {
  void answer(request)
})

async function answer(request: ServerRequest): Promise<void> {
  if (request.kind === 'tokens') {
    const server = await startTokenProvider(request.options)
    counters = () => ({ requests: server.tokenRequests, connections: 0, proofs: 0 })
    report({ url: server.issuer, counters: counters() })
    return
  }
  if (request.kind === 'receiver') {
    const receiver = await startHl7Receiver({ ...request.options, record: false })
    let latency = 0
    let proofs = 0
    setLatency = (ms) => {
      latency = ms
      firstAt = undefined
      acceptedAt = undefined
    }
    receiver.respond = ({ headers, body }) => {
      if (headers['dpop'] !== undefined) proofs += 1
      firstAt ??= Date.now()
      if (refused !== undefined && body.includes(refused)) return { status: 500 }
      acceptedAt ??= Date.now()
      if (latency === 0 && answerAs === 'checked') return undefined
      return { ...acknowledgement(body.toString()), delayMs: latency }
    }
    counters = () => {
      const { requests, connections } = receiver.counters
      return {
        ...{ requests, connections, proofs },
        ...(firstAt === undefined ? {} : { firstAt }),
        ...(acceptedAt === undefined ? {} : { acceptedAt })
      }
    }
    report({ url: receiver.url, counters: counters() })
    return
  }
  if (request.kind === 'latency') setLatency(request.ms)
  if (request.kind === 'refuse') refused = request.text
  if (request.kind === 'answer') answerAs = request.as
  report({ url: '', counters: counters() })
}

function acknowledgement(message: string): ReceiverAnswer {
  const text = acknowledge(message, new Date())?.text ?? ''
  if (answerAs === 'soap') return answerSubmission('1.2', text)
  return {
    headers: { 'Content-Type': 'application/hl7-v2; charset=utf-8' },
    body: text
  }
}
