/**
 * The token cache under load, with a token server on this machine: 10 000 messages from 50 callers,
 * the cost of `token()` on a hit, and a token that lives 2 s.
 * `node bench/token-cache.ts [seconds of the second part, default 60]`
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { GotClient } from '../src/http-client/got-client.ts'
import type { TokenSettings } from '../src/oauth2/token-settings.ts'
import { TokenSource } from '../src/oauth2/token-source.ts'

const seconds = Number(process.argv[2] ?? 60)

let lifetime = 300
let requests = 0
const server = createServer((request, response) => {
  requests++
  request.resume()
  response.setHeader('content-type', 'application/json')
  response.end(
    JSON.stringify({
      access_token: `token-${requests}`,
      token_type: 'Bearer',
      expires_in: lifetime
    })
  )
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))

const settings: TokenSettings = {
  issuer: '',
  tokenEndpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
  grantType: 'client_credentials',
  clientAuth: 'auto',
  assertionFile: '',
  scope: '',
  audience: '',
  resource: '',
  extraParams: [],
  headers: [],
  keyId: '',
  signingAlg: '',
  assertionAudience: 'token_endpoint',
  assertionSubject: '',
  assertionClaims: [],
  defaultLifetime: 300,
  clientId: 'bench',
  clientSecret: 'bench',
  privateKey: '',
  privateKeyPassphrase: '',
  username: '',
  password: '',
  hasClientCertificate: false,
  dpop: false,
  secrets: []
}
const httpClient = new GotClient({
  connectTimeoutMs: 5000,
  maxResponseBytes: 1024 * 1024
})

/** Several callers request tokens until all messages are sent. */
async function send(source: TokenSource, messages: number, callers: number): Promise<void> {
  let left = messages
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (left-- > 0) {
        await source.token()
        await sleep(1)
      }
    })
  )
}

async function manyMessages(): Promise<void> {
  requests = 0
  const source = new TokenSource(settings, { httpClient })
  await send(source, 10_000, 50)
  source.close()
  console.log(`10 000 messages, 50 callers, 300 s token: ${requests} token request(s)`)
}

async function shortTokens(): Promise<void> {
  requests = 0
  lifetime = 2
  const source = new TokenSource(settings, { httpClient })
  const end = performance.now() + seconds * 1000
  let messages = 0
  await Promise.all(
    Array.from({ length: 50 }, async () => {
      while (performance.now() < end) {
        await source.token()
        messages++
        await sleep(10)
      }
    })
  )
  source.close()
  // A soft window begins 1.6 to 1.68 s after each request.
  const most = Math.floor(seconds / 1.6) + 1
  console.log(
    `${messages} messages, 50 callers, ${seconds} s, 2 s token: ${requests} token requests (at most ${most}: one per soft window)`
  )
  lifetime = 300
}

async function costOfHit(): Promise<void> {
  const source = new TokenSource(settings, { httpClient })
  await source.token()
  const rounds = 1_000_000
  for (const what of ['warm-up', 'call alone', 'call and await'] as const) {
    const started = performance.now()
    if (what === 'call and await') for (let at = 0; at < rounds; at++) await source.token()
    else for (let at = 0; at < rounds; at++) void source.token()
    const each = ((performance.now() - started) * 1e6) / rounds
    if (what !== 'warm-up') console.log(`token() on a hit, ${what}: ${each.toFixed(0)} ns`)
  }
  source.close()
}

await manyMessages()
await costOfHit()
await shortTokens()
httpClient.close()
server.close()
