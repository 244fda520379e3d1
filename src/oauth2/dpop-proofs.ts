import type { DPoPHandle } from 'openid-client'
import { challengeParameters } from '../http-client/challenge.ts'
import type { HttpReply } from '../http-client/http-message.ts'
import { asRequested } from '../http-client/request-target.ts'

/** What openid-client's handle can do at run time; its types show nothing of it. */
export interface DpopHandle extends DPoPHandle {
  /** Sets the header `dpop`. */
  addProof(url: URL, headers: Headers, method: string, accessToken: string): Promise<void>
  cacheNonce(answer: { headers: { get(name: string): unknown } }, url: URL): void
}

type AnswerHead = Pick<HttpReply, 'status' | 'headers'>

/**
 * The DPoP proofs (RFC 9449) of one node, with the nonces that servers hand out. openid-client makes
 * them, with a key pair that is never stored and whose private key cannot be exported.
 */
export class DpopProofs {
  /** For token requests, in which openid-client itself sends proofs and keeps nonces. */
  readonly handle: Promise<DpopHandle>

  constructor() {
    this.handle = createHandle()
    // It may fail before anybody waits for it.
    this.handle.catch(() => undefined)
  }

  /**
   * The header `DPoP` for one request to a receiver. A server may refuse to see it twice: each request
   * needs its own.
   *
   * @param accessToken the token that the request carries
   */
  async proof(method: string, url: URL, accessToken: string): Promise<string> {
    const handle = await this.handle
    const headers = new Headers()
    // The receiver compares it with the URL that it sees.
    await handle.addProof(asRequested(url), headers, method, accessToken)
    return headers.get('dpop') ?? ''
  }

  /** Remembers the nonce of a receiver's answer, if there is one, for later requests to that origin. */
  async keepNonce(url: URL, headers: HttpReply['headers']): Promise<void> {
    const handle = await this.handle
    handle.cacheNonce({ headers: new Map(Object.entries(headers)) }, url)
  }
}

/** A request that may carry a proof. */
interface ProvenRequest {
  method: string
  url: URL
}

/**
 * Sends a request with a proof, and once more with the nonce that the receiver wants in it (RFC 9449 §9).
 *
 * @param proofs undefined: no DPoP
 * @param token the one in the request
 * @param headOf undefined for a failure
 */
export async function withProof<Answer>(
  proofs: DpopProofs | undefined,
  { method, url }: ProvenRequest,
  token: string | undefined,
  send: (proof: string | undefined) => Promise<Answer>,
  headOf: (answer: Answer) => AnswerHead | undefined
): Promise<Answer> {
  if (proofs === undefined || token === undefined) return send(undefined)
  const sendProven = async (): Promise<Answer> => {
    const answer = await send(await proofs.proof(method, url, token))
    const head = headOf(answer)
    if (head !== undefined) await proofs.keepNonce(url, head.headers)
    return answer
  }
  const answer = await sendProven()
  const head = headOf(answer)
  const hasNonce = head?.headers['dpop-nonce'] !== undefined
  return hasNonce && refusesProof(head) ? sendProven() : answer
}

async function createHandle(): Promise<DpopHandle> {
  const openid = await import('openid-client')
  // Every server with DPoP knows ES256.
  const keyPair = await openid.randomDPoPKeyPair('ES256')
  // Of a configuration, only the clock skew is read.
  const configuration = new openid.Configuration({ issuer: 'https://unused.invalid' }, 'unused')
  return openid.getDPoPHandle(configuration, keyPair) as DpopHandle
}

/**
 * Whether a receiver refuses the proof and not the token: it wants another nonce (RFC 9449 §9), or
 * the proof is not valid.
 */
export function refusesProof({ status, headers }: AnswerHead): boolean {
  const errors = ['use_dpop_nonce', 'invalid_dpop_proof']
  return (
    status === 401 && challengeParameters(headers, 'error').some((error) => errors.includes(error))
  )
}
