/**
 * What the standard says of a code (RFC 6749 §5.2), as fosite writes it before its own words (Ory Hydra, Authelia): up to
 * 230 characters, behind which the point would be cut off.
 */
const SENTENCES = [
  'Client authentication failed (e.g., unknown client, no client authentication included, or unsupported authentication method).',
  'The request is missing a required parameter, includes an invalid parameter value, includes a parameter more than once, or is otherwise malformed.',
  'The provided authorization grant (e.g., authorization code, resource owner credentials) or refresh token is invalid, expired, revoked, does not match the redirection URI used in the authorization request, or was issued to another client.',
  'The authorization grant type is not supported by the authorization server.',
  'The client is not authorized to request a token using this method.',
  'The requested scope is invalid, unknown, or malformed.',
  'The resource owner or authorization server denied the request.',
  'The authorization server encountered an unexpected condition that prevented it from fulfilling the request.',
  'The authorization server is currently unable to handle the request due to a temporary overloading or maintenance of the server.',
  'The error is unrecognizable'
]

/** The words of a token server without such a beginning, unless that is all it says. */
export function withoutBoilerplate(words: string): string {
  const beginning = SENTENCES.find((sentence) => words.startsWith(sentence)) ?? ''
  return words.slice(beginning.length).trim() || words
}
