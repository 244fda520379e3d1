import {
  type Authority,
  type Certificate,
  createAuthority,
  selfSignedCertificate
} from '../../demo/certificates.ts'

export { type Authority, type Certificate, createAuthority, selfSignedCertificate }

let authority: Promise<Authority> | undefined

/** The certificate authority that the tests of this process share. */
export function testAuthority(): Promise<Authority> {
  authority ??= createAuthority()
  return authority
}

const day = 24 * 3_600_000

/** A server certificate that expired yesterday. */
export function issueExpired(authority: Authority): Promise<Certificate> {
  return authority.issueServer({
    notBefore: new Date(Date.now() - 3 * day),
    notAfter: new Date(Date.now() - day)
  })
}

/** A server certificate that is valid from tomorrow. */
export function issueNotYetValid(authority: Authority): Promise<Certificate> {
  return authority.issueServer({
    notBefore: new Date(Date.now() + day),
    notAfter: new Date(Date.now() + 3 * day)
  })
}

/** A server certificate for another host. */
export function issueWrongName(authority: Authority): Promise<Certificate> {
  return authority.issueServer({ names: ['other.example'] })
}
