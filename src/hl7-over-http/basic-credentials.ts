/** The value of a header for Basic authentication (RFC 7617), in UTF-8, which is what servers take that know more than ASCII. */
export function basicCredentials(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}
