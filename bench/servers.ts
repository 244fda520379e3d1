import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { AuthorizationServerOptions } from '../demo/authorization-server.ts'
import { createAuthority } from '../demo/certificates.ts'
import type { Hl7ReceiverOptions } from '../demo/hl7-receiver.ts'

export type ServerRequest =
  | { kind: 'tokens'; options: AuthorizationServerOptions }
  | { kind: 'receiver'; options: Hl7ReceiverOptions }
  | { kind: 'latency'; ms: number }
  | { kind: 'refuse'; text: string | undefined }
  | { kind: 'counters' }

export interface ServerReport {
  url: string
  /**
   * `firstAt` is the wall-clock time of the first request since the latency was set, `acceptedAt`
   * that of the first one that was not refused.
   */
  counters: { requests: number; connections: number; firstAt?: number; acceptedAt?: number }
}

export const CLIENT = { clientId: 'bench', clientSecret: 'a-secret-of-the-bench' }
const AUDIENCE = 'https://hl7.bench'
export const SCOPE = 'hl7:write'

/** The demo's token server and receiver, each in a separate process. */
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
      options: { tls, ...CLIENT, audience: AUDIENCE, scope: SCOPE, tokenLifetime: 7200 }
    })
    const receiver = new ServerProcess()
    const { url } = await receiver.ask({
      kind: 'receiver',
      options: { tls, token: { issuer, audience: AUDIENCE, ca } }
    })
    return new Servers(ca, [tokens, issuer], [receiver, url])
  }

  /** Lets the receiver answer so many milliseconds after a message has arrived. */
  async setLatency(ms: number): Promise<void> {
    await this.#receiver.ask({ kind: 'latency', ms })
  }

  /** Lets the receiver answer 503 to messages that contain the text; `undefined` for none. */
  async refuse(text: string | undefined): Promise<void> {
    await this.#receiver.ask({ kind: 'refuse', text })
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
