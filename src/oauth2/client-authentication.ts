import type * as openid from 'openid-client'
import type { ServerMetadata } from './discovery.ts'

/**
 * Puts the proof of who the client is into a request. openid-client awaits what it returns,
 * which its own type (`void`) does not say.
 */
export type ClientAuthentication = (
  server: ServerMetadata,
  client: openid.ClientMetadata,
  body: URLSearchParams,
  headers: Headers
) => unknown
