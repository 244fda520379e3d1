/**
 * Whether an error code means that a certificate was not accepted: waiting does not help, somebody
 * has to change a certificate or a setting.
 */
export function isCertificateCode(code: string): boolean {
  return (
    code.startsWith('CERT_') ||
    code.startsWith('UNABLE_TO_') ||
    code.startsWith('ERR_TLS_CERT_') ||
    code === 'SELF_SIGNED_CERT_IN_CHAIN' ||
    code === 'DEPTH_ZERO_SELF_SIGNED_CERT' ||
    code === 'INVALID_CA' ||
    code === 'HOSTNAME_MISMATCH'
  )
}
