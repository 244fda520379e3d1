import type codes from '../locales/en-US/codes.json'

/**
 * The codes that users meet, from the catalogue that says what each means and what to do about it: a code that is
 * not in it does not compile. docs/, README.md and the help are made from it.
 */
export type Codes = typeof codes

/** By this name Status nodes, monitoring and scripts tell conditions from one another. */
export type ConditionCode = keyof Codes['status']

/** Somebody is needed; it should be watched; all is well. */
export type Level = 'call' | 'watch' | 'fine'

/** Whose certificate it is: the receiver's, its backup's, the token server's, or the client certificate. */
export type CertificateOwner = 'receiver' | 'backup' | 'token server' | 'client' | 'secret'

/** The code of a server that says no more than its HTTP status. */
export const HTTP_STATUS = 'ERR_HTTP_STATUS'

/** A cause as people read it: of an answer without a code, the HTTP status says more. */
export function shownCode({ code, status }: { code: string; status?: number | undefined }): string {
  return code === HTTP_STATUS && status !== undefined ? `HTTP ${status}` : code
}
