import { createHash, X509Certificate, type KeyObject } from 'node:crypto'
import { deployProblem } from './setting-problem.ts'

const BLOCK = /-----BEGIN CERTIFICATE-----([^-]{1,65536})-----END CERTIFICATE-----/g

/**
 * The `x5t#S256` (RFC 7515 §4.1.8) of the certificate that belongs to a private key, by which some
 * servers find the certificate that they know (Microsoft Entra ID). The text may hold further
 * certificates, such as those of the issuing authorities.
 *
 * @param pem the text of the private key's field; line breaks do not matter
 * @returns `undefined` if the text holds no certificate; `problem` if none belongs to the key
 */
export function certificateThumbprint(
  pem: string,
  key: KeyObject
): { thumbprint?: string; problem?: string } | undefined {
  const text = pem.replace(/\\[nr]/g, '\n')
  let found = 0
  for (const [, base64 = ''] of text.matchAll(BLOCK)) {
    found++
    const certificate = readCertificate(base64)
    if (certificate?.checkPrivateKey(key) === true) {
      return { thumbprint: createHash('sha256').update(certificate.raw).digest('base64url') }
    }
  }
  if (found === 0) return undefined
  return { problem: deployProblem('privateKey', 'keyCertificate') }
}

function readCertificate(base64: string): X509Certificate | undefined {
  try {
    return new X509Certificate(Buffer.from(base64, 'base64'))
  } catch {
    return undefined
  }
}
