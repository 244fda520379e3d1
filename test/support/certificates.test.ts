import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { before, describe, it } from 'node:test'
import { connect, createServer, type TLSSocket } from 'node:tls'
import {
  type Authority,
  type Certificate,
  createAuthority,
  issueExpired,
  issueNotYetValid,
  issueWrongName,
  selfSignedCertificate
} from './certificates.ts'

describe('certificates for tests', () => {
  let authority: Authority
  before(async () => {
    authority = await createAuthority()
  })

  /** Performs a TLS handshake on 127.0.0.1. @returns what client and server found */
  async function handshake(server: Certificate, client?: Certificate, servername = 'localhost') {
    const listener = createServer({
      ...server,
      ca: authority.ca,
      requestCert: true,
      rejectUnauthorized: false
    })
    listener.listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const { port } = listener.address() as AddressInfo
    const seen = once(listener, 'secureConnection') as Promise<[TLSSocket]>
    const socket = connect({
      host: '127.0.0.1',
      port,
      servername,
      ca: authority.ca,
      rejectUnauthorized: false,
      ...client
    })
    socket.on('error', () => undefined)
    const [peer] = await seen
    const result = {
      problem: socket.authorized ? undefined : String(socket.authorizationError),
      clientAuthorized: peer.authorized,
      clientName: (peer.getPeerCertificate() as { subject?: { CN?: string } }).subject?.CN
    }
    peer.destroy()
    socket.destroy()
    listener.close()
    return result
  }

  it('are trusted because of the CA certificate', async () => {
    assert.equal((await handshake(await authority.issueServer())).problem, undefined)
  })

  it('identify the client in mutual TLS', async () => {
    const client = await authority.issueClient({ commonName: 'ward 7' })
    const { clientAuthorized, clientName } = await handshake(await authority.issueServer(), client)
    assert.deepEqual([clientAuthorized, clientName], [true, 'ward 7'])
    const stranger = await (await createAuthority('another')).issueClient()
    assert.equal((await handshake(await authority.issueServer(), stranger)).clientAuthorized, false)
  })

  it('are rejected for the intended reason', async () => {
    assert.equal((await handshake(await issueExpired(authority))).problem, 'CERT_HAS_EXPIRED')
    const early = await handshake(await issueNotYetValid(authority))
    assert.equal(early.problem, 'CERT_NOT_YET_VALID')
    assert.match((await handshake(await issueWrongName(authority))).problem ?? '', /ALTNAME/)
    const own = await handshake(await selfSignedCertificate())
    assert.equal(own.problem, 'DEPTH_ZERO_SELF_SIGNED_CERT')
  })
})
