import { english } from '../../src/english.ts'
import type { CertificateDates } from '../../src/http-client/certificates.ts'
import { tokenForm } from './form-words.ts'
import type { tokenProperties } from './oauth2-client-credentials-properties.ts'
import { isUnset, type Properties } from './properties.ts'

/**
 * When the client secret ends: as that day begins, by the clock of this machine.
 *
 * @param onWarning learns that it cannot be read: that says nothing of the secret
 * @returns undefined if it is not known, or if there is no secret
 */
export function readSecretExpiry(
  properties: Properties<typeof tokenProperties>,
  onWarning: (text: string) => void
): CertificateDates | undefined {
  const text = properties.text('secretExpires').trim()
  if (text === '' || isUnset(text) || !properties.applies('secretExpires')) return undefined
  const [, year, month, day] = (/^(\d{4})-(\d\d)-(\d\d)$/.exec(text) ?? []).map(Number)
  const begins = new Date(year ?? NaN, (month ?? 0) - 1, day)
  // The 31st of a shorter month would be a day of the next one.
  if (begins.getMonth() + 1 === month && begins.getDate() === day) {
    return { validFrom: -Infinity, validTo: begins.getTime() }
  }
  onWarning(`${tokenForm.label('secretExpires')}: ${english('log', 'warning.secretExpires')}`)
  return undefined
}
