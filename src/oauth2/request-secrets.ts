import { formEncode } from './client-authentication.ts'
import type { TokenSettings } from './token-settings.ts'

/** A value of a further parameter shorter than this is a word rather than a secret. */
const MIN_PARAMETER = 4

/**
 * Everything secret that a request carried, in each form in which a server could echo it.
 *
 * @param headers of the request
 * @param body the form that was sent
 */
export function secretsOf(
  settings: TokenSettings,
  headers: Readonly<Record<string, string>>,
  body: unknown
): string[] {
  const plain = [settings.clientSecret, settings.password, settings.privateKeyPassphrase]
  const form = body instanceof URLSearchParams ? body : new URLSearchParams()
  for (const name of ['client_secret', 'client_assertion', 'assertion', 'password']) {
    plain.push(...form.getAll(name))
  }
  for (const { value } of settings.extraParams) {
    if (value.length >= MIN_PARAMETER) plain.push(value)
  }
  const [, credentials = ''] = (headers['authorization'] ?? '').split(' ')
  const key = settings.privateKey.replace(/-----[A-Z ]{1,40}-----/g, '')
  return [
    ...plain.flatMap((secret) => [
      secret,
      encodeURIComponent(secret),
      formEncode(secret),
      JSON.stringify(secret).slice(1, -1)
    ]),
    credentials,
    key
  ].filter((secret) => secret !== '')
}
