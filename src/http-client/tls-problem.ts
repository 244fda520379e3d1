import { createSecureContext } from 'node:tls'
import { english, type KeyUnder } from '../english.ts'
import type { TlsSettings } from './connection-settings.ts'

/** OpenSSL's message or code, and what it means. */
const KNOWN: readonly (readonly [part: string, problem: KeyUnder<'log', 'problem'>])[] = [
  ['mac verify failure', 'tlsPfxPassphrase'],
  ['not enough data', 'tlsNotPfx'],
  ['Unsupported PKCS12', 'tlsOldPfx'],
  ['KEY_VALUES_MISMATCH', 'tlsMismatch'],
  ['BAD_DECRYPT', 'tlsPassphrase'],
  ['NO_START_LINE', 'tlsCertificate'],
  ['DECODER', 'tlsKey']
]

/**
 * What is wrong, in English, with the certificates and the key of TLS settings, found before any connection is
 * made; undefined if they can be used.
 */
export function tlsProblem(tls: TlsSettings): string | undefined {
  // OpenSSL ignores what it does not know here, and then trusts nobody.
  const { ca } = tls
  if (ca !== undefined && ![ca].flat().every((one) => String(one).includes('-----BEGIN '))) {
    return english('log', 'problem.tlsCa')
  }
  try {
    createSecureContext(tls)
    return undefined
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    const [, problem] = KNOWN.find(([part]) => code.includes(part) || message.includes(part)) ?? []
    return english('log', `problem.${problem ?? 'tlsOther'}`, { code })
  }
}
