/**
 * Whether a `tls-config`, as the editor knows it, names a client certificate: in files, by the names of
 * files that were uploaded, or in environment variables. A CA alone is none. Only the runtime can see
 * whether what is named can be used.
 */
export function namesClientCertificate(tls: Readonly<Record<string, unknown>>): boolean {
  const names = (...properties: string[]): boolean => properties.every((name) => Boolean(tls[name]))
  switch (tls['certType']) {
    case 'pfx':
      return names('p12') || names('p12name')
    case 'env':
      return names('certEnv', 'keyEnv')
    default:
      return names('cert', 'key') || names('certname', 'keyname')
  }
}
