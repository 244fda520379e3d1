import type { Node } from 'node-red'
import type { CertificateDates } from '../../src/http-client/certificates.ts'
import type { TlsFiles, TlsSettings } from '../../src/http-client/connection-settings.ts'
import type { StoredTokenSettings } from '../../src/oauth2/token-settings.ts'
import type { TokenSource } from '../../src/oauth2/token-source.ts'

/** What an `hl7-https-out` node finds behind its `auth` property. */
export interface AuthParts {
  /** Of the token server; empty if its address is no URL. */
  host: string
  settings: StoredTokenSettings
  /** Undefined if the settings cannot be used. */
  tokens: TokenSource | undefined
  /** Why they cannot, in words. */
  problems: readonly string[]
  /** Environment variables without a value. */
  unset: readonly string[]
  /** When the client secret ends; undefined if nobody has said so. */
  secretExpires: CertificateDates | undefined
  tls: TlsSettings | undefined
  tlsFiles: TlsFiles
}

/*
 * Kept apart from the node objects: every node of a flow can look up every other one, and anything
 * that prints a node would print its keys.
 */
export const authParts = new WeakMap<Node, AuthParts>()

/** All `oauth2-client-credentials` nodes that run, those in subflows included, by their ids. */
export const deployedAuthNodes = new Map<string, Node>()
