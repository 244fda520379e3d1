/** Clients that are hard to authenticate, and what a test does with their tokens. */
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import type { TokenSettings } from '../../src/oauth2/token-settings.ts'
import { TokenSource } from '../../src/oauth2/token-source.ts'
import { tokenHttpClient, tokenSettings } from '../support/token-settings.ts'
import { adt } from '../support/world.ts'
import type { Client, TokenServer } from './token-servers.ts'

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

export const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
export const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })
export const publicPem = ({ publicKey }: typeof rsa) =>
  publicKey.export({ type: 'spki', format: 'pem' }) as string
export const privatePem = ({ privateKey }: typeof rsa) =>
  privateKey.export({ type: 'pkcs8', format: 'pem' }) as string

export const SECRET_TO_SIGN = 'a secret of at least thirty-two characters: é+%&'
export const plain = { id: 'engine', secret: 'not-so-secret', method: 'client_secret_basic' }

/** A client for each secret and each ID. */
export function special(method: string): (Client & { secret: string })[] {
  return [
    ...SECRETS.map((secret, at) => ({ id: `${method} ${at}`, secret, method })),
    ...IDS.map((id) => ({ id: `${method} ${id}`, secret: 'not-so-secret', method }))
  ]
}

/** Gets a token. @returns it, or the error's code */
export async function obtain(given: Partial<TokenSettings>): Promise<{ token: string } | string> {
  const httpClient = tokenHttpClient()
  const source = new TokenSource(tokenSettings(given), { httpClient })
  try {
    return { token: await source.token() }
  } catch (error) {
    return (error as { code: string }).code
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

/** Gets a token that the server accepts. */
export async function assertWorks(
  server: TokenServer,
  given: Partial<TokenSettings>
): Promise<void> {
  const { issuer } = server
  const result = await obtain({ issuer, scope: 'hl7:write', ...given })
  assert.ok(typeof result === 'object', `${given.clientId}: ${JSON.stringify(result)}`)
  assert.ok(await isAccepted(server, result.token), given.clientId)
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
    const result = await obtain(given)
    if (typeof result === 'string') failed.push(`${id} / ${secret}: ${result}`)
  }
  return failed
}
