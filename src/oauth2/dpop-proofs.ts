import { createHash, randomUUID, webcrypto } from 'node:crypto'
import type { Clock } from '../clock.ts'
import type { HttpReply } from '../http-client/http-message.ts'

/** Servers whose nonce is remembered; the one that was heard from longest ago is forgotten first. */
const MAX_NONCES = 100
/** RFC 9449 §8.1 allows these characters. No server sends a longer nonce; it would fill our header. */
const NONCE = /^[\x21\x23-\x5b\x5d-\x7e]{1,1024}$/
/** The beginning of each proof's header. */
const HEADER = '{"alg":"ES256","typ":"dpop+jwt",'
/** Finds proofs in a text. The header's first 30 bytes are encoded without the bytes after them. */
const PROOF = new RegExp(`${base64url(HEADER.slice(0, 30))}[\\w.-]*`, 'g')

/** What signs the proofs of one node: a key pair that is never stored and cannot be exported. */
export interface ProofKey {
  privateKey: webcrypto.CryptoKey
  /** Header of every proof, encoded: with the public key (RFC 9449 §4.2). */
  header: string
}

/** Makes a key pair for ES256, which every server with DPoP knows. */
export function makeProofKey(): Promise<ProofKey> {
  const key = makeKey()
  // It may fail before anybody waits for it.
  key.catch(() => undefined)
  return key
}

async function makeKey(): Promise<ProofKey> {
  const { subtle } = webcrypto
  const curve = { name: 'ECDSA', namedCurve: 'P-256' }
  const { privateKey, publicKey } = await subtle.generateKey(curve, false, ['sign', 'verify'])
  const { kty, crv, x, y } = await subtle.exportKey('jwk', publicKey)
  const jwk = JSON.stringify({ kty, crv, x, y })
  return { privateKey, header: base64url(`${HEADER}"jwk":${jwk}}`) }
}

/**
 * DPoP proofs (RFC 9449) for the token server or for receivers, with the nonces that they hand out.
 * openid-client makes proofs only for requests that it sends itself.
 */
export class DpopProofs {
  readonly #key: Promise<ProofKey>
  readonly #clock: Clock
  /** By origin. */
  readonly #nonces = new Map<string, string>()

  constructor(key: Promise<ProofKey>, clock: Clock) {
    this.#key = key
    this.#clock = clock
  }

  /**
   * The header `DPoP` for one request. A server may refuse to see it twice: each request needs its
   * own.
   *
   * @param accessToken the token that the request carries; omitted for a token request
   */
  async proof(method: string, url: URL, accessToken?: string): Promise<string> {
    const { privateKey, header } = await this.#key
    const payload = base64url(
      JSON.stringify({
        jti: randomUUID(),
        htm: method,
        htu: `${url.origin}${url.pathname}`,
        iat: Math.floor(this.#clock.now() / 1000),
        // JSON leaves out what is undefined.
        ath: accessToken && createHash('sha256').update(accessToken).digest('base64url'),
        nonce: this.#nonces.get(url.origin)
      })
    )
    const signed = `${header}.${payload}`
    const algorithm = { name: 'ECDSA', hash: 'SHA-256' }
    const signature = await webcrypto.subtle.sign(algorithm, privateKey, Buffer.from(signed))
    return `${signed}.${Buffer.from(signature).toString('base64url')}`
  }

  /**
   * Remembers the nonce of an answer for later requests to that origin.
   *
   * @returns whether there was one
   */
  keepNonce({ origin }: URL, headers: HttpReply['headers']): boolean {
    const nonce = nonceOf(headers)
    if (nonce === undefined) return false
    const nonces = this.#nonces
    nonces.delete(origin)
    nonces.set(origin, nonce)
    if (nonces.size > MAX_NONCES) nonces.delete(nonces.keys().next().value ?? '')
    return true
  }
}

/** The nonce of an answer, if a proof can carry it. */
export function nonceOf(headers: HttpReply['headers']): string | undefined {
  const nonce = headers['dpop-nonce']
  return typeof nonce === 'string' && NONCE.test(nonce) ? nonce : undefined
}

/**
 * Whether a receiver refuses the proof and not the token: it wants another nonce (RFC 9449 §9), or
 * the proof is not valid.
 */
export function refusesProof({ status, headers }: Pick<HttpReply, 'status' | 'headers'>): boolean {
  const challenge = headers['www-authenticate'] ?? ''
  return status === 401 && /\berror ?= ?"?(use_dpop_nonce|invalid_dpop_proof)\b/i.test(challenge)
}

/** The proofs in a text, such as an answer that repeats its request. */
export function proofsIn(text: string): string[] {
  return text.match(PROOF) ?? []
}

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url')
}
