import assert from 'node:assert/strict'
import { createServer } from 'node:https'
import { after, afterEach, before, describe, it } from 'node:test'
import type { TLSSocket, TlsOptions } from 'node:tls'
import type { TlsSettings } from '../../src/http-client/connection-settings.ts'
import type { HttpError } from '../../src/http-client/http-error.ts'
import {
  type Authority,
  type Certificate,
  createAuthority,
  issueExpired,
  issueNotYetValid,
  issueWrongName,
  selfSignedCertificate
} from '../support/certificates.ts'
import {
  createClient,
  createGotClient,
  errorOf,
  type LocalServer,
  post,
  start,
  startServer,
  startTcpServer
} from './local-server.ts'

for (const [library, create] of [
  ['undici', createClient],
  ['got', createGotClient]
] as const) {
  describe(`a request of ${library} over TLS`, () => {
    let authority: Authority
    let certificate: Certificate
    const closing: (() => void | Promise<void>)[] = []
    before(async () => {
      authority = await createAuthority('Northside CA')
      certificate = await authority.issueServer()
    })
    afterEach(async () => {
      for (const close of closing.splice(0)) await close()
    })

    const client = (tls?: TlsSettings) => {
      const made = create({ tls })
      closing.push(() => {
        made.close()
      })
      return made
    }
    let requests = 0
    const serve = async (tls: TlsOptions, host?: string): Promise<LocalServer> => {
      requests = 0
      const server = await startServer(
        (_request, response) => {
          requests += 1
          response.end('ok')
        },
        tls,
        host
      )
      closing.push(server.close)
      return server
    }
    const trusting = (more: TlsSettings = {}) => ({ ca: authority.ca, ...more })

    /** The error of a client at a server whose certificate it must refuse. */
    async function refusal(tls: TlsOptions, mine: TlsSettings | undefined): Promise<HttpError> {
      const server = await serve(tls)
      const error = await errorOf(post(client(mine), server.url))
      assert.equal(error.family, 'tls', error.code)
      assert.equal(requests, 0, 'no request was sent')
      assert.ok(error.message.startsWith(`127.0.0.1:${server.port}: `))
      return error
    }

    it('sends to a server whose authority it trusts', async () => {
      const server = await serve(certificate)
      assert.equal((await post(client(trusting()), server.url)).body.toString(), 'ok')
    })

    it('sends to [::1] and checks the certificate for it', async () => {
      const server = await serve(certificate, '::1')
      assert.equal((await post(client(trusting()), server.url)).body.toString(), 'ok')
      const other = await serve(await issueWrongName(authority), '::1')
      const error = await errorOf(post(client(trusting()), other.url))
      assert.equal(error.code, 'ERR_TLS_CERT_ALTNAME_INVALID')
      assert.ok(error.message.startsWith('[::1]:'))
    })

    const bad: [
      name: string,
      issue: () => Promise<TlsOptions>,
      code: string,
      words: RegExp,
      issuer?: string | undefined
    ][] = [
      [
        'self-signed',
        selfSignedCertificate,
        'DEPTH_ZERO_SELF_SIGNED_CERT',
        /self-signed/,
        'localhost'
      ],
      ['expired', () => issueExpired(authority), 'CERT_HAS_EXPIRED', /expired/, 'Northside CA'],
      [
        'not yet valid',
        () => issueNotYetValid(authority),
        'CERT_NOT_YET_VALID',
        /not valid yet/,
        'Northside CA'
      ],
      [
        'for another host',
        () => issueWrongName(authority),
        'ERR_TLS_CERT_ALTNAME_INVALID',
        /another host name/,
        'Northside CA'
      ],
      [
        'from an untrusted authority',
        async () => (await createAuthority('Somebody Else')).issueServer(),
        'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
        /CA that is not trusted here/,
        'Somebody Else'
      ]
    ]
    for (const [name, issue, code, words, issuer] of bad) {
      it(`refuses a certificate that is ${name}, and got names its issuer`, async () => {
        const error = await refusal(await issue(), trusting())
        assert.equal(error.code, code)
        assert.match(error.message, words)
        if (library === 'got') assert.equal(error.certificateIssuer, issuer)
        assert.equal(error.connected, false)
      })
    }

    it('accepts any certificate if the TLS settings say so, and only then', async () => {
      const server = await serve(await selfSignedCertificate())
      assert.equal((await post(client({ rejectUnauthorized: false }), server.url)).status, 200)
      process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
      try {
        const error = await errorOf(post(client(), server.url))
        assert.equal(error.code, 'DEPTH_ZERO_SELF_SIGNED_CERT')
      } finally {
        delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
      }
    })

    it('requests and checks the server name in the TLS settings', async () => {
      const names: unknown[] = []
      const server = await serve({
        ...(await issueWrongName(authority)),
        SNICallback: (name, answer) => {
          names.push(name)
          answer(null)
        }
      })
      const reply = await post(client(trusting({ servername: 'other.example' })), server.url)
      assert.equal(reply.status, 200)
      assert.deepEqual(names, ['other.example'])
      const error = await errorOf(
        post(client(trusting({ servername: 'wrong.example' })), server.url)
      )
      assert.equal(error.code, 'ERR_TLS_CERT_ALTNAME_INVALID')
    })

    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      describe(`with a client certificate, ${version}`, () => {
        const asking = (): TlsOptions => ({
          ...certificate,
          requestCert: true,
          ca: authority.ca,
          minVersion: version,
          maxVersion: version
        })

        it('sends it', async () => {
          const presented: string[] = []
          const server = createServer(asking(), (request, response) => {
            const { subject } = (request.socket as unknown as TLSSocket).getPeerCertificate()
            presented.push(String(subject.CN))
            response.end('ok')
          })
          const running = await start(server, 'https:')
          closing.push(running.close)
          const own = await authority.issueClient({ commonName: 'ward-12' })
          const mine = client(trusting(own))
          assert.equal((await post(mine, running.url)).status, 200)
          assert.equal((await post(mine, running.url)).status, 200)
          assert.deepEqual(presented, ['ward-12', 'ward-12'])
        })

        it('says what is wrong if there is none', async () => {
          const server = await serve(asking())
          const error = await errorOf(post(client(trusting()), server.url))
          assert.equal(error.family, 'tls', error.code)
          assert.match(error.message, /wants a client certificate/)
          assert.equal(requests, 0)
        })

        it('fails with one from another authority', async () => {
          const server = await serve(asking())
          const own = await (await createAuthority('Another')).issueClient()
          const error = await errorOf(post(client(trusting(own)), server.url))
          // As a server, Node.js sends no alert. With TLS 1.3, the client completes the handshake first.
          assert.equal(error.family, version === 'TLSv1.2' ? 'tls' : 'reset', error.code)
          assert.equal(requests, 0)
        })
      })
    }

    it('says so if certificate and key in the settings do not match', async () => {
      const one = await authority.issueClient()
      const other = await authority.issueClient()
      const server = await serve(certificate)
      for (const own of [
        { cert: one.cert, key: other.key },
        { cert: 'no PEM', key: 'no PEM' }
      ]) {
        const error = await errorOf(post(client(trusting(own)), server.url))
        assert.equal(error.family, 'tls', error.code)
        assert.match(error.message, /certificate and key of the TLS configuration cannot be used/)
      }
    })

    it('refuses TLS 1.1, whether the server sends an alert or answers with it', async () => {
      const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1' } as const
      const error = await refusal(
        { ...certificate, ...old, ciphers: 'DEFAULT@SECLEVEL=0' },
        trusting()
      )
      assert.match(error.message, /does not support TLS 1.2 or newer/)
      // A ServerHello of TLS 1.1 (RFC 4346 §7.4.1.3), whatever versions the client offers.
      const hello = Buffer.from(
        `02000026 0302 ${'00'.repeat(32)} 00 c013 00`.replaceAll(' ', ''),
        'hex'
      )
      const server = await startTcpServer((socket) => {
        socket.once('data', () => {
          socket.write(Buffer.concat([Buffer.from([22, 3, 2, 0, hello.length]), hello]))
        })
      }, 'https:')
      closing.push(server.close)
      const other = await errorOf(post(client(trusting()), server.url))
      assert.equal(other.family, 'tls', other.code)
      assert.match(other.message, /does not support TLS 1.2 or newer/)
    })

    it('says so if the port speaks plain HTTP or anything else, or closes', async () => {
      const plain = await startServer((_request, response) => response.end('plain'))
      closing.push(plain.close)
      const url = new URL(plain.url)
      url.protocol = 'https:'
      const error = await errorOf(post(client(), url))
      assert.equal(error.family, 'tls', error.code)
      assert.match(error.message, /may not speak TLS/)

      for (const answer of ['', 'SSH-2.0-OpenSSH_9.9\r\n', '\x15\x03\x03\x00\x02\x02\x28']) {
        const server = await startTcpServer((socket) => {
          socket.once('data', () => socket.end(answer))
        }, 'https:')
        closing.push(server.close)
        const ended = await errorOf(post(client(), server.url))
        assert.equal(ended.family, 'tls', `${answer}: ${ended.code}`)
        assert.equal(ended.connected, false)
      }
    })

    it('says so if the URL has http: but the port speaks TLS', async () => {
      const server = await serve(certificate)
      const url = new URL(server.url)
      url.protocol = 'http:'
      const error = await errorOf(post(client(), url))
      assert.ok(error.family === 'reset' || error.code.startsWith('HPE_'), error.code)
      assert.equal(requests, 0)
    })

    after(() => {
      assert.equal(closing.length, 0)
    })
  })
}
