import { urlProblem } from '../../src/http-client/url-problem.ts'

/** What a URL in the issuer's field turned out to be; the key of the note that says so. */
export type IssuerKind = 'wellKnown' | 'smart' | 'tokenEndpoint' | 'issuer' | ''

/** Where a pasted URL belongs. */
export interface IssuerPaste {
  kind: IssuerKind
  issuer: string
  tokenEndpoint: string
}

/** The last part of a path that says "token URL": Keycloak, Entra, Okta, Auth0, Epic; Ping, ForgeRock. */
const tokenPath = /\/(?:tokens?|access_token|token\.oauth2)\/?$/i

/**
 * Recognises what somebody pasted as the issuer: the URL of a well-known document (its issuer where
 * it can be told, else read as it is), a token URL, or a base URL. Blanks and quotes around it, which
 * copying leaves, and a fragment are dropped.
 *
 * @returns `kind` empty where it is no usable URL, or a variable
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
  if (tokenPath.test(path)) return { kind: 'tokenEndpoint', issuer: '', tokenEndpoint: plain }
  return { kind: 'issuer', issuer: plain, tokenEndpoint: '' }
}
