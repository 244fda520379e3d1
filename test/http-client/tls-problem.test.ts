import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { tlsProblem } from '../../src/http-client/tls-problem.ts'
import { createAuthority, type Certificate } from '../support/certificates.ts'

describe('tlsProblem', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tls-problem-'))
  let ca: string
  let own: Certificate
  before(async () => {
    const authority = await createAuthority()
    ca = authority.ca
    own = await authority.issueClient()
    writeFileSync(join(directory, 'cert.pem'), own.cert)
    writeFileSync(join(directory, 'key.pem'), own.key)
  })
  after(() => {
    rmSync(directory, { recursive: true })
  })

  /** A PFX file of the certificate, with the passphrase `secret`. */
  function pfx(...options: string[]): Buffer {
    const file = join(directory, 'own.pfx')
    const input = ['-in', join(directory, 'cert.pem'), '-inkey', join(directory, 'key.pem')]
    const output = ['-out', file, '-passout', 'pass:secret']
    execFileSync('openssl', ['pkcs12', '-export', ...options, ...input, ...output])
    return readFileSync(file)
  }

  it('reports nothing about usable settings', () => {
    assert.equal(tlsProblem({}), undefined)
    assert.equal(tlsProblem({ rejectUnauthorized: false, servername: 'a.example' }), undefined)
    assert.equal(tlsProblem({ ca, ...own }), undefined)
    assert.equal(tlsProblem({ ca: [Buffer.from(ca), ca] }), undefined)
    assert.equal(tlsProblem({ pfx: pfx(), passphrase: 'secret' }), undefined)
  })

  it('says what is wrong with a PFX file', () => {
    const wrong = /passphrase of the PFX file/
    assert.match(tlsProblem({ pfx: pfx(), passphrase: 'other' }) ?? '', wrong)
    assert.match(tlsProblem({ pfx: pfx() }) ?? '', wrong)
    assert.match(tlsProblem({ pfx: Buffer.from('no PFX') }) ?? '', /PFX file is not in PFX form/)
    const old = tlsProblem({ pfx: pfx('-legacy'), passphrase: 'secret' })
    assert.match(old ?? '', /export it again with AES-256/)
  })

  it('says what is wrong with certificate and key', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const key = privateKey.export({ type: 'sec1', format: 'pem' })
    assert.match(tlsProblem({ cert: own.cert, key }) ?? '', /do not match/)
    const encrypted = privateKey.export({
      ...{ type: 'pkcs8', format: 'pem' },
      ...{ cipher: 'aes-256-cbc', passphrase: 'secret' }
    })
    assert.match(tlsProblem({ ...own, key: encrypted }) ?? '', /passphrase of the private key/)
    assert.match(tlsProblem({ ...own, cert: 'no PEM' }) ?? '', /certificate is not in PEM form/)
    assert.match(tlsProblem({ ...own, key: 'no PEM' }) ?? '', /private key is not in PEM form/)
    assert.match(tlsProblem({ ca: 'no PEM' }) ?? '', /CA certificate is not in PEM form/)
  })
})
