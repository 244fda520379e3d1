import type { KeyObject, webcrypto } from 'node:crypto'

/** An algorithm, as JWS names it and as Web Crypto imports a key for it. */
export interface SigningAlgorithm {
  /** JWS name (RFC 7518 §3.1, RFC 8037 §3.1). */
  alg: string
  importParams: webcrypto.RsaHashedImportParams | webcrypto.EcKeyImportParams | { name: string }
}

const CURVES: Record<string, { alg: string; namedCurve: string }> = {
  prime256v1: { alg: 'ES256', namedCurve: 'P-256' },
  secp384r1: { alg: 'ES384', namedCurve: 'P-384' },
  secp521r1: { alg: 'ES512', namedCurve: 'P-521' }
}

/**
 * The algorithm to sign assertions with.
 *
 * @param wanted the form's Algorithm; empty: the first that fits the key and that the
 *   server lists, else the usual one for this kind of key
 * @param supported `token_endpoint_auth_signing_alg_values_supported` of the server's metadata
 * @returns the algorithm, or one sentence that says why there is none
 */
export function signingAlgorithm(
  key: KeyObject,
  wanted: string,
  supported: readonly string[] = []
): SigningAlgorithm | string {
  const able = algorithmsOf(key)
  const usual = able[0]
  if (key.asymmetricKeyType === 'rsa-pss') {
    // Web Crypto, which signs, imports no such key.
    return 'Private key: a key for RSA-PSS alone (id-RSASSA-PSS) cannot be used; an ordinary RSA key can sign with PS256 too.'
  }
  if (usual === undefined) {
    return 'Private key: only RSA, P-256, P-384, P-521 and Ed25519 keys can sign assertions.'
  }
  if (wanted === '') return able.find(({ alg }) => supported.includes(alg)) ?? usual
  return (
    able.find(({ alg }) => alg === wanted) ??
    // What was chosen may come from a variable, and the log is not the place for its value.
    `Algorithm: it does not fit this private key, which can sign with ${able
      .map(({ alg }) => alg)
      .join(', ')}.`
  )
}

/** What a key can sign with, the usual one first. */
function algorithmsOf(key: KeyObject): SigningAlgorithm[] {
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return [...rsa('RS', 'RSASSA-PKCS1-v1_5'), ...rsa('PS', 'RSA-PSS')]
    case 'ec': {
      const curve = CURVES[key.asymmetricKeyDetails?.namedCurve ?? '']
      if (curve === undefined) return []
      const { alg, namedCurve } = curve
      return [{ alg, importParams: { name: 'ECDSA', namedCurve } }]
    }
    case 'ed25519':
      // The name of RFC 8037, which servers know, and that of RFC 9864, which replaces it.
      return ['EdDSA', 'Ed25519'].map((alg) => ({ alg, importParams: { name: 'Ed25519' } }))
    default:
      return []
  }
}

function rsa(prefix: string, name: string): SigningAlgorithm[] {
  return ['256', '384', '512'].map((bits) => ({
    alg: `${prefix}${bits}`,
    importParams: { name, hash: `SHA-${bits}` }
  }))
}
