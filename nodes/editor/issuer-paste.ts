import { urlProblem } from '../../src/http-client/url-problem.ts'
import { isTokenPath } from '../../src/oauth2/token-url.ts'

/** What kind of URL was put into the issuer field; the key of the note that says so. */
export type IssuerKind = 'wellKnown' | 'smart' | 'tokenEndpoint' | 'issuer' | ''

/** Where a pasted URL belongs. */
export interface IssuerPaste {
  kind: IssuerKind
  issuer: string
  tokenEndpoint: string
}

/**
 * Recognizes what was pasted as the issuer: the URL of a well-known document, a token URL or a base
 * URL. Drops the fragment, and the blanks, quotes and punctuation that copying can leave around it.
 *
 * @returns an empty `kind` if it is not a usable URL, or is a variable
 */
export function readIssuerPaste(pasted: string): IssuerPaste {
  const url = pasted.trim().replace(/^["'<]+|["'>,;]+$/g, '')
  if (urlProblem(url) !== undefined) {
    return { kind: '', issuer: pasted.trim(), tokenEndpoint: '' }
  }
  const plain = url.split('#')[0] ?? url
  const path = new URL(plain).pathname
  if (path.includes('/.well-known/')) {
    const smart = path.endsWith('/smart-configuration')
    return { kind: smart ? 'smart' : 'wellKnown', issuer: plain, tokenEndpoint: '' }
  }
  if (isTokenPath(path)) return { kind: 'tokenEndpoint', issuer: '', tokenEndpoint: plain }
  return { kind: 'issuer', issuer: plain, tokenEndpoint: '' }
}
