/** The clients of the token servers, and what a test does with their tokens. */
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { TokenSettings } from '../../src/oauth2/token-settings.ts'
import { TokenSource } from '../../src/oauth2/token-source.ts'
import { RECEIVER, tokenHttpClient, tokenSettings } from '../support/token-settings.ts'
import { adt } from '../support/world.ts'
import type { Client, TokenServer } from './token-server.ts'

const PUNCTUATION = Array.from('!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~')
/** Each special character alone, so that a failure names it; then what decoders could misread. */
const SECRETS = [
  ...[...PUNCTUATION, ' ', 'é', 'ß', '秘', '🔑'].map((character) => `ab${character}12`),
  PUNCTUATION.join(''),
  ' at both ends ',
  '100%41 %zz %',
  'a+b c%2Bd&e=f:g'
]
const IDS = ['ward 12', 'a:b', 'a%41+b&c', 'station-ä', 'https://engine.example/1']

/** Private keys in PEM format. */
export const rsa = pem(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey)
export const p256 = pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
export const otherKey = pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)

function pem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}

/** The public key that belongs to a private one. */
export function publicPem(privateKey: string): string {
  return createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString()
}

export const SECRET_TO_SIGN = 'a secret of at least thirty-two characters: é+%&'
export const plain = { id: 'engine', secret: 'not-so-secret', method: 'client_secret_basic' }
/** The client that is deleted. */
export const leaver = { ...plain, id: 'leaver', secret: 'näive & 100% +:secret' }

/** A client for each secret and each ID. */
export function special(method: string): (Client & { secret: string })[] {
  return [
    ...SECRETS.map((secret, at) => ({ id: `${method} ${at}`, secret, method })),
    ...IDS.map((id) => ({ id: `${method} ${id}`, secret: 'not-so-secret', method }))
  ]
}

/** Gets a token. */
export function obtain(given: Partial<TokenSettings>): Promise<string> {
  return withSource(given, (source) => source.forReceiver(RECEIVER).token())
}

/** Does something with the tokens of one node. */
export async function withSource<T>(
  given: Partial<TokenSettings>,
  action: (source: TokenSource) => Promise<T>
): Promise<T> {
  const httpClient = tokenHttpClient()
  const source = new TokenSource(tokenSettings(given), { httpClient })
  try {
    return await action(source)
  } finally {
    source.close()
    httpClient.close()
  }
}

/** Whether the server accepts the token for an HL7 request. */
export async function isAccepted(server: TokenServer, token: string): Promise<boolean> {
  const { status } = await fetch(server.hl7Url, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: adt('TOKEN001')
  })
  return status === 200
}

/** Tries every special client. @returns the secrets and IDs with which there was no token */
export async function failures(
  server: TokenServer,
  method: 'client_secret_basic' | 'client_secret_post'
): Promise<string[]> {
  const failed: string[] = []
  for (const { id, secret } of special(method)) {
    const { tokenUrl: tokenEndpoint } = server
    const given = { tokenEndpoint, clientAuth: method, clientId: id, clientSecret: secret }
    await obtain(given).catch((error: unknown) =>
      failed.push(`${id} / ${secret}: ${String(error)}`)
    )
  }
  return failed
}
