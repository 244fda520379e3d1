/** Checks bearer tokens as a server must (RFC 6750, RFC 9068). */
import got from 'got'
import { createRemoteJWKSet, customFetch, errors, jwtVerify } from 'jose'

export interface TokenRules {
  /** The URL of the authorization server that must have issued the tokens. */
  issuer: string
  /** The audience that the tokens must be for. */
  audience: string
  /** The CA certificate of the authorization server, in PEM format. */
  ca: string
}

/**
 * Checks the token of an `Authorization` header: signature, issuer, audience and expiry. Resolves
 * with `undefined` if it is valid, otherwise with the challenge for `WWW-Authenticate`. Rejects if
 * the issuer's keys are not available.
 */
export type TokenCheck = (authorization: string | undefined) => Promise<string | undefined>

export function createTokenCheck({ issuer, audience, ca }: TokenRules): TokenCheck {
  const get = (url: string) => got(url, { https: { certificateAuthority: ca } }).text()
  let keys: Promise<ReturnType<typeof createRemoteJWKSet>> | undefined

  const discoverKeys = async () => {
    const metadata = JSON.parse(await get(`${issuer}/.well-known/openid-configuration`)) as {
      jwks_uri: string
    }
    return createRemoteJWKSet(new URL(metadata.jwks_uri), {
      [customFetch]: async (url) => new Response(await get(url))
    })
  }

  return async (authorization) => {
    const token = /^Bearer ([\x21-\x7e]+)$/i.exec(authorization ?? '')?.[1]
    if (token === undefined) return 'Bearer realm="HL7"'
    keys ??= discoverKeys()
    const keySet = await keys.catch((error: unknown) => {
      keys = undefined
      throw error
    })
    try {
      await jwtVerify(token, keySet, { issuer, audience, algorithms: ['RS256'], typ: 'at+jwt' })
      return undefined
    } catch (error) {
      if (!(error instanceof errors.JOSEError)) throw error
      const why = error instanceof errors.JWTExpired ? 'The token has expired' : 'Not a valid token'
      return `Bearer realm="HL7", error="invalid_token", error_description="${why}"`
    }
  }
}
