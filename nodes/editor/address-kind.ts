import { typedUrlProblem } from '../../src/http-client/url-problem.ts'
import { isTokenPath } from '../../src/oauth2/token-url.ts'

/** What the address of a token server is taken for; empty if it is no usable URL, or a variable. */
export type AddressKind = 'wellKnown' | 'smart' | 'tokenEndpoint' | 'issuer' | ''

/**
 * Recognizes the address of a token server: a token URL, the URL of a well-known document, or else an
 * issuer.
 *
 * @returns the URL without its fragment, and without the blanks, quotes and punctuation that copying can
 *   leave around it; the text as it is, but for blanks, if the kind is empty
 */
export function readAddress(text: string): { kind: AddressKind; url: string } {
  const bare = text.trim().replace(/^["'<]+|["'>,;]+$/g, '')
  if (typedUrlProblem(bare) !== undefined) return { kind: '', url: text.trim() }
  const url = bare.split('#')[0] ?? bare
  const path = new URL(url).pathname
  if (path.includes('/.well-known/')) {
    return { kind: path.endsWith('/smart-configuration') ? 'smart' : 'wellKnown', url }
  }
  return { kind: isTokenPath(path) ? 'tokenEndpoint' : 'issuer', url }
}
