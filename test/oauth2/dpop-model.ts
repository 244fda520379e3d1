import { createHash } from 'node:crypto'
import { calculateJwkThumbprint, EmbeddedJWK, jwtVerify, type JWK } from 'jose'
import type { ReceivedReply } from '../../src/http-client/connection.ts'
import type { GotClient } from '../../src/http-client/got-client.ts'
import type { HttpRequest } from '../../src/http-client/http-message.ts'
import type { UndiciClient } from '../../src/http-client/undici-client.ts'
import type { FakeClock } from '../support/fake-clock.ts'

/**
 * The nonces of a server: none, one until it is changed, each only once, or one that no proof can
 * carry.
 */
export type NonceUse = 'off' | 'kept' | 'once' | 'unusable'

/** A token as the token server gave it. */
export interface IssuedToken {
  /** The thumbprint of the key to which it is bound. */
  key: string
  type: string | undefined
  refused?: boolean
}

/** A request. */
export interface Asked {
  /** The number of the node that sent it. */
  node: number
  to: 'tokens' | 'receiver'
  /** In milliseconds since the epoch. */
  askedAt: number
  /** Of the message; empty for a token request. */
  controlId: string
  /** What it carries; of a token request that was granted, what it brought. */
  token: string
}

export interface PendingRequest extends Asked {
  answer(): Promise<void>
}

/** A request and what became of it. */
export interface Answered extends Asked {
  /** The thumbprint of the proof's key. */
  key: string
  /** The proof's nonce. */
  nonce: unknown
  /** '' if it was granted. */
  problem: string
  /** The nonce that the answer brought, if a proof can carry it. */
  brought: string | undefined
}

export const TOKEN_URL = 'https://tokens.example/token'
export const HL7_URL = 'https://receiver.example/hl7'
/** Seconds. */
export const LIFETIME = 300
/** RFC 9449 §8.1: no proof can carry it. */
const UNUSABLE = 'two words'
const UNAVAILABLE = 'temporarily_unavailable'

/**
 * A token server and a receiver with DPoP behind one HTTP client. They answer when a test says so, and
 * look at every claim of a proof (RFC 9449 §4.3).
 */
export class DpopWorld {
  readonly clock: FakeClock
  readonly pending: PendingRequest[] = []
  readonly answered: Answered[] = []
  readonly issued = new Map<string, IssuedToken>()
  /** What no client may do. */
  readonly faults: string[] = []
  readonly nonces = {
    tokens: { use: 'off' as NonceUse, kept: '', fresh: new Set<string>() },
    receiver: { use: 'off' as NonceUse, kept: '', fresh: new Set<string>() }
  }
  /** Of the next token; undefined: it has none. */
  tokenType: string | undefined = 'DPoP'
  /** The token server answers 503. */
  down = false
  /** The receiver accepts no proof. */
  doubts = false
  readonly #ids = new Set<unknown>()
  #made = 0

  constructor(clock: FakeClock) {
    this.clock = clock
  }

  /** For one node since its start, which has this number. */
  client(node: number): GotClient & UndiciClient {
    const request = (sent: HttpRequest): Promise<ReceivedReply> =>
      new Promise((resolve, reject) => {
        const to = sent.url.href === TOKEN_URL ? 'tokens' : 'receiver'
        const pending: PendingRequest = {
          ...{ node, to, askedAt: this.clock.now(), controlId: '', token: '' },
          ...(to === 'receiver' && {
            controlId: String(sent.body).split('|')[9] ?? '',
            token: header(sent, 'authorization').replace(/^DPoP /, '')
          }),
          answer: () => {
            this.pending.splice(this.pending.indexOf(pending), 1)
            return this.#judge(pending, sent).then(resolve, reject)
          }
        }
        this.pending.push(pending)
      })
    return { request } as unknown as GotClient & UndiciClient
  }

  async #judge(asked: Asked, sent: HttpRequest): Promise<ReceivedReply> {
    const { node, to, askedAt, controlId } = asked
    const { key, nonce } = await this.#read(asked, sent)
    const problem = this.#nonceProblem(to, nonce) || this.#otherProblem(asked, key)
    let { token } = asked
    let body: string
    if (problem !== '') body = JSON.stringify({ error: problem })
    else if (to === 'receiver') {
      body = `MSH|^~\\&|C|D|A|B|20260102||ACK|${controlId}|P|2.5.1\rMSA|AA|${controlId}\r`
    } else {
      token = `token-${++this.#made}`
      const type = this.tokenType
      this.issued.set(token, { key, type })
      body = JSON.stringify({ access_token: token, token_type: type, expires_in: LIFETIME })
    }
    const brought = this.#nonceFor(to)
    this.answered.push({
      ...{ node, to, askedAt, controlId, token, key, nonce, problem },
      brought: brought === UNUSABLE ? undefined : brought
    })
    const refused = to === 'receiver' ? 401 : problem === UNAVAILABLE ? 503 : 400
    return {
      status: problem === '' ? 200 : refused,
      headers: {
        'content-type': to === 'receiver' ? 'application/hl7-v2' : 'application/json',
        ...(problem !== '' && { 'www-authenticate': `DPoP error="${problem}"` }),
        ...(brought !== undefined && { 'dpop-nonce': brought })
      },
      body: Buffer.from(body),
      connection: { close: () => undefined }
    }
  }

  /** Checks the proof. @returns the thumbprint of its key, and its nonce */
  async #read(
    { to, token, askedAt }: Asked,
    sent: HttpRequest
  ): Promise<{ key: string; nonce: unknown }> {
    const { payload, protectedHeader } = await jwtVerify(header(sent, 'dpop'), EmbeddedJWK, {
      typ: 'dpop+jwt',
      algorithms: ['ES256'],
      currentDate: new Date(this.clock.now())
    })
    const { jti, nonce, iat = 0, ...claims } = payload
    const ath = to === 'tokens' ? undefined : createHash('sha256').update(token).digest('base64url')
    const expected = { htm: 'POST', htu: sent.url.href, ath }
    for (const [name, value] of Object.entries(expected)) {
      if (claims[name] !== value) this.faults.push(`wrong ${name}`)
    }
    if (this.#ids.has(jti)) this.faults.push('a proof was used twice')
    this.#ids.add(jti)
    if (iat !== Math.floor(askedAt / 1000)) this.faults.push('wrong iat')
    return { key: await calculateJwkThumbprint(protectedHeader.jwk as JWK), nonce }
  }

  #nonceProblem(to: Asked['to'], nonce: unknown): string {
    const { use, kept, fresh } = this.nonces[to]
    const valid = use === 'off' || (use === 'kept' ? nonce === kept : fresh.delete(String(nonce)))
    return valid ? '' : 'use_dpop_nonce'
  }

  #otherProblem({ to, token }: Asked, key: string): string {
    if (to === 'tokens') return this.down ? UNAVAILABLE : ''
    const issued = this.issued.get(token)
    if (issued?.key !== key) this.faults.push(`${token} with another key`)
    if (issued?.type !== 'DPoP') this.faults.push(`${token} of type ${issued?.type}`)
    if (this.doubts) return 'invalid_dpop_proof'
    return issued?.refused === true ? 'invalid_token' : ''
  }

  #nonceFor(to: Asked['to']): string | undefined {
    const { use, kept, fresh } = this.nonces[to]
    if (use === 'off') return undefined
    if (use !== 'once') return use === 'kept' ? kept : UNUSABLE
    const nonce = `once-${++this.#made}`
    fresh.add(nonce)
    return nonce
  }
}

function header({ headers }: HttpRequest, name: string): string {
  return Object.entries(headers).find(([given]) => given.toLowerCase() === name)?.[1] ?? ''
}
