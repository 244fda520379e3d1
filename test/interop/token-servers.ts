import { startBetterAuth } from './better-auth.ts'
import { missing } from '../support/debian-packages.ts'
import { startPython } from './servers.ts'
import type { Client, Received, TokenServer } from './token-server.ts'

/** How each server is started; `lifetime` of a token in seconds. */
export const TOKEN_SERVERS = {
  Authlib: {
    skip: missing('Authlib', 'Flask', 'python-hl7'),
    start: (clients: Client[], lifetime: number) =>
      start('token_authlib.py', { clients, lifetime }, (origin) => ({
        issuer: origin,
        tokenUrl: `${origin}/token`,
        revocationUrl: `${origin}/revoke`
      }))
  },
  'better-auth': {
    skip: false,
    start: startBetterAuth
  },
  'django-oauth-toolkit': {
    skip: missing('django-oauth-toolkit', 'python-hl7'),
    start: (clients: Client[], lifetime: number) =>
      start('token_django.py', { clients, lifetime }, (origin) => ({
        issuer: `${origin}/o`,
        tokenUrl: `${origin}/o/token/`,
        revocationUrl: `${origin}/o/revoke_token/`
      }))
  }
} as const

export type ServerName = keyof typeof TOKEN_SERVERS
export const SERVER_NAMES: readonly ServerName[] = [
  'Authlib',
  'better-auth',
  'django-oauth-toolkit'
]

async function start(
  script: string,
  settings: { clients: Client[]; lifetime: number },
  urls: (origin: string) => Pick<TokenServer, 'issuer' | 'tokenUrl' | 'revocationUrl'>
): Promise<TokenServer> {
  const server = await startPython<Received>(script, JSON.stringify(settings))
  const origin = `http://127.0.0.1:${server.port}`
  return { ...server, ...urls(origin), hl7Url: `${origin}/hl7` }
}
