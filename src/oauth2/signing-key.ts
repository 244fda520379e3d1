import { createPrivateKey, type KeyObject } from 'node:crypto'
import { deployProblem } from './setting-problem.ts'

/**
 * The longest key text, in characters: a 16384-bit RSA key has 13 thousand, plus any certificates.
 */
const MAX_TEXT = 64 * 1024
/** A private key whose END line matches its BEGIN line. Its body ends at the next five hyphens. */
const KEY = /-----BEGIN ([A-Z ]{0,30}PRIVATE KEY)-----((?:-{0,4}[^-])*)-----END \1-----/
/** How a PKCS#1 or SEC1 key says that it is encrypted (RFC 1421 §4.6.1). */
const ENCRYPTION = /^\s*Proc-Type:\s*4,ENCRYPTED\s+DEK-Info:\s*([\w-]+,[\dA-F]+)\s/

/** RFC 7518 §3.3. jose signs with no shorter key. */
const MIN_RSA_BITS = 2048

/** What a key can sign with (RFC 7518 §3.1, RFC 8037 §3.1), the usual one first, by its curve or else its type. */
const ALGORITHMS: Record<string, readonly string[]> = {
  rsa: ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  prime256v1: ['ES256'],
  secp384r1: ['ES384'],
  secp521r1: ['ES512'],
  // The name in RFC 8037, which servers know, and its replacement in RFC 9864.
  ed25519: ['EdDSA', 'Ed25519']
}

/**
 * Reads a private key in any PEM form (PKCS#1, PKCS#8, SEC1, also encrypted), even if it lost its
 * lines on the way through an environment variable or a YAML file (`\n` or `\r\n` as characters,
 * blanks, quotes, indents).
 *
 * @param passphrase empty for a key that is not encrypted
 * @returns the key, or why it cannot be used
 */
export function readPrivateKey(pem: string, passphrase: string): KeyObject | string {
  if (pem.length > MAX_TEXT) return deployProblem('privateKey', 'keyTooLong')
  const text = restoreLines(pem)
  if (!text.includes('-----BEGIN ')) return deployProblem('privateKey', 'keyNotPem')
  if (!text.includes('PRIVATE KEY-----')) return deployProblem('privateKey', 'keyNotPrivate')
  const encrypted = text.includes('BEGIN ENCRYPTED ') || text.includes('ENCRYPTED\n')
  if (encrypted && passphrase === '') return deployProblem('privateKeyPassphrase', 'passphrase')
  const key = passphrase === '' ? text : { key: text, passphrase }
  // Once, Node.js refuses a good key for an error that something else has left in OpenSSL's queue.
  return (
    parsed(key) ??
    parsed(key) ??
    // OpenSSL's messages ("bad decrypt", "wrong tag") tell a user less.
    deployProblem('privateKey', encrypted ? 'keyNotDecrypted' : 'keyUnreadable')
  )
}

function parsed(key: Parameters<typeof createPrivateKey>[0]): KeyObject | undefined {
  try {
    return createPrivateKey(key)
  } catch {
    return undefined
  }
}

/**
 * The first private key in a text, in the lines that OpenSSL expects: without what pasting, quoting
 * and indenting put between them.
 */
function restoreLines(pem: string): string {
  const text = pem.replace(/\\[nr]/g, '\n')
  const [, kind = '', body] = KEY.exec(text) ?? []
  if (body === undefined) return text
  const [headers = '', cipher] = ENCRYPTION.exec(body) ?? []
  const base64 = body.slice(headers.length).replace(/\s/g, '')
  return [
    `-----BEGIN ${kind}-----`,
    ...(cipher === undefined ? [] : ['Proc-Type: 4,ENCRYPTED', `DEK-Info: ${cipher}`, '']),
    ...(base64.match(/.{1,64}/g) ?? []),
    `-----END ${kind}-----`,
    ''
  ].join('\n')
}

/**
 * The algorithm to sign assertions with.
 *
 * @param wanted the form's Algorithm; empty: the first that fits the key and that the
 *   server lists, else the usual one for this kind of key
 * @param supported `token_endpoint_auth_signing_alg_values_supported` of the server's metadata
 * @param preferred what servers of this kind know, for the keys that can: instead of the first or
 *   usual one, unless the server lists only others
 * @returns the algorithm, or why there is none
 */
export function signingAlgorithm(
  key: KeyObject,
  wanted: string,
  supported: readonly string[] = [],
  preferred?: string
): { alg: string } | string {
  const { asymmetricKeyType: kind = '', asymmetricKeyDetails: details } = key
  const able = ALGORITHMS[details?.namedCurve ?? kind] ?? []
  const [usual] = able
  // Its parameters may forbid what the server wants.
  if (kind === 'rsa-pss') return deployProblem('privateKey', 'keyRsaPss')
  const { modulusLength: bits = MIN_RSA_BITS } = details ?? {}
  if (bits < MIN_RSA_BITS) return deployProblem('privateKey', 'keyShort', { bits })
  if (usual === undefined) return deployProblem('privateKey', 'keyKind')
  if (wanted === '') {
    const prefers = preferred !== undefined && able.includes(preferred)
    if (prefers && (supported.length === 0 || supported.includes(preferred))) {
      return { alg: preferred }
    }
    return { alg: able.find((alg) => supported.includes(alg)) ?? usual }
  }
  if (able.includes(wanted)) return { alg: wanted }
  // The chosen value may come from a variable, so it must not get into the log.
  return deployProblem('signingAlg', 'keyAlgorithm', { algorithms: able.join(', ') })
}
