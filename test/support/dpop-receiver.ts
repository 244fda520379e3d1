import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { createServer } from 'node:https'
import { calculateJwkThumbprint, decodeJwt, EmbeddedJWK, jwtVerify, type JWK } from 'jose'
import { close, listen } from '../../demo/loopback.ts'
import type { Certificate } from './certificates.ts'

/** A request as the receiver saw it. */
export interface ProvenRequest {
  token: string
  proof: string
  /** The claims of the proof. */
  claims: Record<string, unknown>
  /** The answer's status. */
  status: number
  /** Why it was refused. */
  problem: string
}

export interface DpopReceiver {
  origin: string
  /** Each request, in order. */
  requests: ProvenRequest[]
  /**
   * The nonce that a proof must have, or what gives one at each look; undefined: none. A test may
   * change it at any time.
   */
  nonce: string | (() => string) | undefined
  /** The nonce that a successful answer brings. */
  next: string | undefined
  /** Tokens that are refused. */
  refused: Set<string>
  close(): Promise<void>
}

const ACK = 'MSH|^~\\&|C|D|A|B|20260102||ACK^A01|R1|P|2.5.1\rMSA|AA|'

/**
 * An HL7 receiver that accepts a message only with a DPoP token and a proof that is right in every
 * respect (RFC 9449 §4.3): signed with the key of the token, for this method, address and token, new,
 * and with the nonce that it wants. A refusal repeats what it got, as careless servers do.
 */
export async function startDpopReceiver(tls: Certificate): Promise<DpopReceiver> {
  const ids = new Set<unknown>()
  const server = createServer(tls, (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const controlId = Buffer.concat(chunks).toString().split('|')[9] ?? ''
      void judge(request, receiver, ids).then((judged) => {
        receiver.requests.push(judged)
        const { status, problem, token, proof } = judged
        const nonce = problem === 'use_dpop_nonce' ? nonceOf(receiver) : receiver.next
        response.writeHead(status, {
          ...(nonce === undefined ? undefined : { 'DPoP-Nonce': nonce }),
          ...(status === 200 ? undefined : { 'WWW-Authenticate': `DPoP error="${problem}"` }),
          'content-type': status === 200 ? 'application/hl7-v2' : `text/${proof.slice(0, 50)}`
        })
        response.end(status === 200 ? `${ACK}${controlId}\r` : `${problem} ${token} ${proof}`)
      })
    })
  })
  const receiver: DpopReceiver = {
    origin: `https://127.0.0.1:${await listen(server)}`,
    ...{ requests: [], nonce: undefined, next: undefined, refused: new Set() },
    close: () => close(server)
  }
  return receiver
}

function nonceOf({ nonce }: DpopReceiver): string | undefined {
  return typeof nonce === 'function' ? nonce() : nonce
}

async function judge(
  { method, url, headers }: IncomingMessage,
  receiver: DpopReceiver,
  ids: Set<unknown>
): Promise<ProvenRequest> {
  const { origin, refused } = receiver
  const nonce = nonceOf(receiver)
  const [scheme, token = ''] = (headers.authorization ?? '').split(' ')
  const proof = String(headers['dpop'])
  let claims: Record<string, unknown> = {}
  let problem = ''
  try {
    const read = await jwtVerify(proof, EmbeddedJWK, {
      typ: 'dpop+jwt',
      algorithms: ['ES256'],
      maxTokenAge: 10,
      clockTolerance: 5
    })
    claims = read.payload
    const jwk = read.protectedHeader.jwk as JWK
    const { cnf } = decodeJwt<{ cnf?: { jkt?: string } }>(token)
    const expected = {
      htm: method,
      htu: new URL(url ?? '', origin).href.replace(/[?#].*/, ''),
      ath: createHash('sha256').update(token).digest('base64url')
    }
    const wrong = Object.entries(expected).filter(([name, value]) => claims[name] !== value)
    if (scheme !== 'DPoP') problem = `scheme ${scheme}`
    else if ('d' in jwk) problem = 'a private key'
    else if (wrong.length > 0) problem = `wrong ${wrong.map(([name]) => name).join()}`
    else if (cnf?.jkt !== (await calculateJwkThumbprint(jwk))) problem = 'another key'
    else if (ids.has(claims['jti'])) problem = 'a replay'
    ids.add(claims['jti'])
  } catch (error) {
    problem = String(error)
  }
  if (problem !== '') problem = `invalid_dpop_proof: ${problem}`
  else if (nonce !== undefined && claims['nonce'] !== nonce) problem = 'use_dpop_nonce'
  else if (refused.has(token)) problem = 'invalid_token'
  return { token, proof, claims, status: problem === '' ? 200 : 401, problem }
}
