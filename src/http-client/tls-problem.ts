import { createSecureContext } from 'node:tls'
import type { TlsSettings } from './connection-settings.ts'

/** OpenSSL's message or code, and our text. */
const WORDS: readonly (readonly [part: string, words: string])[] = [
  ['mac verify failure', 'the passphrase of the PFX file is missing or wrong'],
  ['not enough data', 'the PFX file is not in PFX form'],
  [
    'Unsupported PKCS12',
    'the PFX file is encrypted in a way that is no longer supported; export it again with AES-256'
  ],
  ['KEY_VALUES_MISMATCH', 'certificate and private key do not match'],
  ['BAD_DECRYPT', 'the passphrase of the private key is missing or wrong'],
  ['NO_START_LINE', 'the certificate is not in PEM form'],
  ['DECODER', 'the private key is not in PEM form']
]

/**
 * What is wrong with the certificates and the key of TLS settings, found before any connection is
 * made; undefined if they can be used.
 */
export function tlsProblem(tls: TlsSettings): string | undefined {
  // OpenSSL ignores what it does not know here, and then trusts nobody.
  const { ca } = tls
  if (ca !== undefined && ![ca].flat().every((one) => String(one).includes('-----BEGIN '))) {
    return 'the CA certificate is not in PEM form'
  }
  try {
    createSecureContext(tls)
    return undefined
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    const known = WORDS.find(([part]) => code.includes(part) || message.includes(part))
    return known?.[1] ?? `certificate and key cannot be used${code === '' ? '' : ` (${code})`}`
  }
}
