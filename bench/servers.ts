import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createAuthority } from '../demo/certificates.ts'
import type { Hl7ReceiverOptions } from '../demo/hl7-receiver.ts'
import type { TokenProviderOptions } from '../test/support/token-provider.ts'

export type ServerRequest =
  | { kind: 'tokens'; options: TokenProviderOptions }
  | { kind: 'receiver'; options: Hl7ReceiverOptions }
  | { kind: 'latency'; ms: number }
  | { kind: 'refuse'; text: string | undefined }
  | { kind: 'answer'; as: AnswerKind }
  | { kind: 'counters' }

/**
 * How the receiver acknowledges a message: `checked` if its bearer token is valid, `hl7` whatever its
 * token, `soap` the same with the acknowledgement in an envelope.
 */
export type AnswerKind = 'checked' | 'hl7' | 'soap'

export interface ServerReport {
  url: string
  /**
   * `firstAt` is the wall-clock time of the first request since the latency was set, `acceptedAt`
   * that of the first one that was not refused; `proofs` counts the requests with a DPoP proof.
   */
  counters: {
    requests: number
    connections: number
    proofs: number
    firstAt?: number
    acceptedAt?: number
  }
}

export const CLIENT = { clientId: 'bench', clientSecret: 'a-secret-of-the-bench' }
const AUDIENCE = 'https://hl7.bench'
export const SCOPE = 'hl7:write'

/** A token server (which also gives DPoP tokens) and the demo's receiver, each in a separate process. */
export class Servers {
  readonly ca: string
  readonly issuer: string
  readonly url: string
  readonly #tokens: ServerProcess
  readonly #receiver: ServerProcess

  private constructor(
    ca: string,
    [tokens, issuer]: [ServerProcess, string],
    [receiver, url]: [ServerProcess, string]
  ) {
    this.ca = ca
    this.issuer = issuer
    this.url = url
    this.#tokens = tokens
    this.#receiver = receiver
  }

  static async start(): Promise<Servers> {
    const authority = await createAuthority('bench CA')
    const { ca } = authority
    const tls = await authority.issueServer()
    const tokens = new ServerProcess()
    const { url: issuer } = await tokens.ask({
      kind: 'tokens',
      options: {
        tls,
        clients: [
          {
            client_id: CLIENT.clientId,
            client_secret: CLIENT.clientSecret,
            token_endpoint_auth_method: 'client_secret_basic'
          }
        ],
        resources: { [AUDIENCE]: SCOPE },
        lifetime: 7200
      }
    })
    const receiver = new ServerProcess()
    const { url } = await receiver.ask({
      kind: 'receiver',
      options: { tls, token: { issuer, audience: AUDIENCE, ca } }
    })
    return new Servers(ca, [tokens, issuer], [receiver, url])
  }

  /** Lets the receiver answer so many milliseconds after a message has arrived, whatever its token. */
  async setLatency(ms: number): Promise<void> {
    await this.#receiver.ask({ kind: 'latency', ms })
  }

  /** Lets the receiver answer 500, which is no outage, to messages that contain the text; `undefined` for none. */
  async refuse(text: string | undefined): Promise<void> {
    await this.#receiver.ask({ kind: 'refuse', text })
  }

  /** At first `checked`. */
  async setAnswer(as: AnswerKind): Promise<void> {
    await this.#receiver.ask({ kind: 'answer', as })
  }

  async received(): Promise<ServerReport['counters']> {
    return (await this.#receiver.ask({ kind: 'counters' })).counters
  }

  async tokenRequests(): Promise<number> {
    return (await this.#tokens.ask({ kind: 'counters' })).counters.requests
  }

  close(): void {
    this.#tokens.close()
    this.#receiver.close()
  }
}

class ServerProcess {
  readonly #child: ChildProcess = fork(fileURLToPath(new URL('server-process.ts', import.meta.url)))

  async ask(request: ServerRequest): Promise<ServerReport> {
    this.#child.send(request)
    const [report] = (await once(this.#child, 'message')) as [ServerReport]
    return report
  }

  close(): void {
    this.#child.disconnect()
  }
}
