import { constants, createHmac, sign, type KeyObject, type SignKeyObjectInput } from 'node:crypto'

/**
 * A signed JWT (RFC 7515 §3.1, RFC 7518 §3.1).
 *
 * @param header with the algorithm, which suits the key
 * @param key a private key, or a secret for an algorithm that begins with `HS`
 */
export async function signJwt(
  header: { readonly alg: string } & Readonly<Record<string, unknown>>,
  claims: Readonly<Record<string, unknown>>,
  key: KeyObject | string
): Promise<string> {
  const { alg } = header
  const signed = [header, claims].map((part) => base64url(JSON.stringify(part))).join('.')
  const digest = `sha${alg.slice(2)}`
  const signature =
    typeof key === 'string'
      ? createHmac(digest, key).update(signed).digest()
      : await signWith(alg === 'EdDSA' || alg === 'Ed25519' ? null : digest, signed, {
          key,
          ...PARAMETERS[alg.slice(0, 2)]
        })
  return `${signed}.${base64url(signature)}`
}

/** How algorithms sign that node:crypto would sign otherwise by itself. */
const PARAMETERS: Record<string, Omit<SignKeyObjectInput, 'key'>> = {
  PS: {
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: constants.RSA_PSS_SALTLEN_DIGEST
  },
  ES: { dsaEncoding: 'ieee-p1363' }
}

/** In the thread pool: a long RSA key takes some milliseconds. */
function signWith(digest: string | null, text: string, key: SignKeyObjectInput): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    sign(digest, Buffer.from(text), key, (error, signature) => {
      if (error === null) resolve(signature)
      else reject(error)
    })
  })
}

function base64url(data: string | Buffer): string {
  return Buffer.from(data as string).toString('base64url')
}
