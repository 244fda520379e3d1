import { createHash, randomUUID } from 'node:crypto'
import type { SignJWT } from 'jose'
import { systemClock, type Clock } from '../clock.ts'
import { challengeParameters } from '../http-client/challenge.ts'
import type { HttpReply } from '../http-client/http-message.ts'
import { asRequested } from '../http-client/request-target.ts'
import { notLoaded } from './token-error.ts'

type AnswerHead = Pick<HttpReply, 'status' | 'headers'>

/** A request that may carry a proof. */
interface ProvenRequest {
  method: string
  url: URL
}

/** What an answer says of the proof in its request. */
export interface ProofVerdict {
  headers: HttpReply['headers']
  isRefused: boolean
}

/** Makes a JWT of these claims, and signs it. */
type Sign = (claims: ConstructorParameters<typeof SignJWT>[0]) => Promise<string>

/** Origins whose nonces are kept. */
const MOST_NONCES = 100

/**
 * The DPoP proofs (RFC 9449) of one node, with the nonces that servers hand out. Its key pair is never stored, and the
 * private key cannot be exported.
 */
export class DpopProofs {
  readonly #clock: Pick<Clock, 'now'>
  readonly #sign: Promise<Sign>
  /** The newest of each origin; the oldest ones go first. */
  readonly #nonces = new Map<string, string>()

  constructor(clock: Pick<Clock, 'now'> = systemClock) {
    this.#clock = clock
    this.#sign = createKey()
    // It may fail before anybody waits for it.
    this.#sign.catch(() => undefined)
  }

  /**
   * The header `DPoP` for one request. A server may refuse to see it twice: each request needs its own.
   *
   * @param accessToken the token that the request carries; undefined for a token request
   */
  async proof(method: string, url: URL, accessToken: string | undefined): Promise<string> {
    const sign = await this.#sign
    // The server compares it with the URL that it sees.
    const { origin, pathname } = asRequested(url)
    const nonce = this.#nonces.get(origin)
    return sign({
      htm: method,
      htu: origin + pathname,
      jti: randomUUID(),
      iat: Math.floor(this.#clock.now() / 1000),
      ...(nonce !== undefined && { nonce }),
      ...(accessToken !== undefined && {
        ath: createHash('sha256').update(accessToken).digest('base64url')
      })
    })
  }

  /** Remembers the nonce of an answer, if there is one, for later requests to that origin. */
  keepNonce({ origin }: URL, headers: HttpReply['headers']): void {
    const nonce = headers['dpop-nonce']
    if (typeof nonce !== 'string' || nonce === '') return
    this.#nonces.delete(origin)
    this.#nonces.set(origin, nonce)
    const [oldest] = this.#nonces.keys()
    if (this.#nonces.size > MOST_NONCES && oldest !== undefined) this.#nonces.delete(oldest)
  }

  /**
   * Sends a request with a proof, and once more with the nonce that the server wants in it (RFC 9449 §8, §9).
   *
   * @param token the one in the request; undefined for a token request
   * @param verdictOf undefined for a failure
   */
  async sendProven<Answer>(
    { method, url }: ProvenRequest,
    token: string | undefined,
    send: (proof: string) => Promise<Answer>,
    verdictOf: (answer: Answer) => ProofVerdict | undefined
  ): Promise<Answer> {
    const sendOnce = async (): Promise<{ answer: Answer; wantsNonce: boolean }> => {
      const answer = await send(await this.proof(method, url, token))
      const { headers = {}, isRefused = false } = verdictOf(answer) ?? {}
      this.keepNonce(url, headers)
      return { answer, wantsNonce: isRefused && headers['dpop-nonce'] !== undefined }
    }
    const { answer, wantsNonce } = await sendOnce()
    return wantsNonce ? (await sendOnce()).answer : answer
  }
}

/**
 * Sends a request to a receiver, with a proof if one is wanted.
 *
 * @param proofs undefined: no DPoP
 * @param token the one in the request
 * @param headOf undefined for a failure
 */
export async function withProof<Answer>(
  proofs: DpopProofs | undefined,
  request: ProvenRequest,
  token: string | undefined,
  send: (proof: string | undefined) => Promise<Answer>,
  headOf: (answer: Answer) => AnswerHead | undefined
): Promise<Answer> {
  if (proofs === undefined || token === undefined) return send(undefined)
  return proofs.sendProven(request, token, send, (answer) => {
    const head = headOf(answer)
    return head && { headers: head.headers, isRefused: refusesProof(head) }
  })
}

async function createKey(): Promise<Sign> {
  const { exportJWK, generateKeyPair, SignJWT } = await import('jose').catch(notLoaded)
  // Every server with DPoP knows ES256.
  const alg = 'ES256'
  const { privateKey, publicKey } = await generateKeyPair(alg)
  const header = { alg, typ: 'dpop+jwt', jwk: await exportJWK(publicKey) }
  return (claims) => new SignJWT(claims).setProtectedHeader(header).sign(privateKey)
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
