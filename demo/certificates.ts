/**
 * Creates certificates for local servers and clients at run time, so that the repository contains
 * no private keys and no certificates that expire.
 */
import { isIP } from 'node:net'
import { generate, type CertificateExtension } from 'selfsigned'

/** A certificate and its private key, in PEM format. */
export interface Certificate {
  cert: string
  key: string
}

export interface CertificateOptions {
  /** The subject's common name. Default: the first of `names`; `client` for a client. */
  commonName?: string
  /** DNS names and IP addresses. Default: `loopbackNames` for a server, none for a client. */
  names?: readonly string[]
  /** Default: an hour ago. */
  notBefore?: Date
  /** Default: 30 days from now. */
  notAfter?: Date
}

/** A temporary certificate authority. */
export interface Authority {
  /** The CA certificate in PEM format, which clients must trust. */
  ca: string
  issueServer(options?: CertificateOptions): Promise<Certificate>
  /** For mutual TLS. */
  issueClient(options?: CertificateOptions): Promise<Certificate>
}

/** The names of a server on the local machine. */
export const loopbackNames: readonly string[] = ['localhost', '127.0.0.1', '::1']

const hour = 3_600_000

/** Creates a certificate authority with a P-256 key; `name` is its common name. */
export async function createAuthority(name = 'HL7 over HTTPS demo CA'): Promise<Authority> {
  const authority = await issue({ commonName: name }, [
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true }
  ])
  return {
    ca: authority.cert,
    issueServer: (options = {}) => issue(options, serverExtensions(options.names), authority),
    issueClient: (options = {}) =>
      issue(
        { commonName: 'client', ...options },
        leafExtensions({ name: 'extKeyUsage', clientAuth: true }, options.names ?? []),
        authority
      )
  }
}

/** Creates a self-signed server certificate. */
export function selfSignedCertificate(options: CertificateOptions = {}): Promise<Certificate> {
  return issue(options, serverExtensions(options.names))
}

async function issue(
  options: CertificateOptions,
  extensions: CertificateExtension[],
  authority?: Certificate
): Promise<Certificate> {
  const commonName = options.commonName ?? options.names?.[0] ?? loopbackNames[0] ?? ''
  const made = await generate([{ name: 'commonName', value: commonName }], {
    keyType: 'ec',
    algorithm: 'sha256',
    notBeforeDate: options.notBefore ?? new Date(Date.now() - hour),
    notAfterDate: options.notAfter ?? new Date(Date.now() + 30 * 24 * hour),
    extensions,
    ...(authority ? { ca: authority } : {})
  })
  return { cert: made.cert, key: made.private }
}

function serverExtensions(names: readonly string[] = loopbackNames): CertificateExtension[] {
  return leafExtensions({ name: 'extKeyUsage', serverAuth: true }, names)
}

function leafExtensions(
  usage: CertificateExtension,
  names: readonly string[]
): CertificateExtension[] {
  const extensions: CertificateExtension[] = [
    { name: 'basicConstraints', cA: false, critical: true },
    { name: 'keyUsage', digitalSignature: true, critical: true },
    usage
  ]
  if (names.length > 0) {
    extensions.push({
      name: 'subjectAltName',
      altNames: names.map((name) => (isIP(name) ? { type: 7, ip: name } : { type: 2, value: name }))
    })
  }
  return extensions
}
