import type { ServerProcess } from './servers.ts'

/** A client of a token server; `method` as in RFC 7591. */
export interface Client {
  id: string
  method: string
  secret?: string
  /** The public key in PEM format. */
  key?: string
  /** django-oauth-toolkit stores the secret as a hash. */
  hashed?: boolean
  /** better-auth gives it no token without a proof. */
  dpop?: boolean
}

/** A request to the receiver that the token server is, too. */
export interface Received {
  token: string
  status: number
}

/** A token server, which is a receiver too. */
export interface TokenServer extends ServerProcess {
  /** All requests to `hl7Url` that have been answered. */
  seen(): Promise<readonly Received[]>
  issuer: string
  tokenUrl: string
  /** RFC 7009. */
  revocationUrl: string
  /** The receiver, which accepts only tokens of this server. */
  hl7Url: string
}
