import { HttpError } from '../http-client/http-error.ts'
import { isCertificateCode } from './certificate-code.ts'
import { hintForNetwork } from './hints.ts'
import { TokenError } from './token-error.ts'

/** Where a request went, for the error's words. */
export interface RequestPlace {
  host: string
  /** The form's field that led there. */
  field: 'Issuer URL' | 'Token URL'
}

/** openid-client's own codes that can still come up, in words. */
const MEANINGS: Record<string, string> = {
  OAUTH_MISSING_SERVER_METADATA: 'its metadata names no token endpoint',
  OAUTH_INVALID_SERVER_METADATA: 'its metadata holds a token endpoint that is no URL',
  OAUTH_INVALID_RESPONSE: 'its metadata is not usable',
  OAUTH_PARSE_ERROR: 'its metadata is not JSON'
}

/**
 * Makes a safe error of whatever got, openid-client or Node.js threw. Nothing of the original is
 * kept but codes: openid-client's errors hold answers and Node.js's may hold input.
 */
export function translateError(error: unknown, place: RequestPlace): TokenError {
  const known = findInChain(error)
  if (known instanceof TokenError) return known
  if (known instanceof HttpError) return fromHttpError(known, place)
  const code = codeOf(error)
  const meaning = MEANINGS[code]
  return new TokenError(`${place.host}: ${meaning ?? `the request could not be made (${code})`}.`, {
    code,
    hint:
      meaning === undefined
        ? 'Check Authentication, Private key and Client secret.'
        : `Check ${place.field}, or fill in Token URL.`,
    permanent: true
  })
}

function fromHttpError(error: HttpError, { host, field }: RequestPlace): TokenError {
  const { code, family, status, certificateIssuer } = error
  const what = error.message.startsWith(`${host}: `)
    ? error.message.slice(host.length + 2)
    : error.message
  return new TokenError(`Token server ${host}: ${what}.`, {
    code,
    status,
    hint: hintForNetwork(error, field),
    permanent: isCertificateCode(code) || code.startsWith('ERR_SSL_'),
    family,
    certificateIssuer
  })
}

/** openid-client wraps what its fetch threw. */
function findInChain(error: unknown): TokenError | HttpError | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if (at instanceof TokenError || at instanceof HttpError) return at
  }
  return undefined
}

function codeOf(error: unknown): string {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,60}$/.test(code) ? code : 'EUNKNOWN'
}
