import { isLoopback } from '../http-client/loopback.ts'

/**
 * Why a secret must not be sent to this address: it is no URL, carries user info, or is neither
 * `https:` nor `http:` to this machine itself.
 *
 * @param label the form's field
 * @returns one sentence, or nothing
 */
export function urlProblem(label: string, address: string): string[] {
  if (!URL.canParse(address)) return [`${label}: not a URL (https://…).`]
  const url = new URL(address)
  if (url.username !== '' || url.password !== '') {
    return [`${label}: must not hold a user name or password.`]
  }
  return isSafeAddress(url) ? [] : [`${label}: must start with https:// (http: only to localhost).`]
}

/** `https:`, or `http:` that does not leave the machine. */
export function isSafeAddress(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))
}
