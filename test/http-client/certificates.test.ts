import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import {
  certificateDates,
  clientCertificate,
  endingFirst,
  endsSoon,
  ServerCertificates,
  type CertificateDates
} from '../../src/http-client/certificates.ts'
import { createAuthority } from '../support/certificates.ts'
import { FakeClock } from '../support/fake-clock.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

describe('endsSoon', () => {
  const now = Date.UTC(2026, 0, 1)
  // Lifetime and what is left of it, in milliseconds.
  const table: [
    name: string,
    lifetime: number,
    left: number,
    level: ReturnType<typeof endsSoon>
  ][] = [
    ['a year, 30 days left', 365 * DAY, 30 * DAY, 'watch'],
    ['a year, 1 s more', 365 * DAY, 30 * DAY + 1000, undefined],
    ['a year, 7 days left', 365 * DAY, 7 * DAY, 'call'],
    ['a year, 7 days and 1 s left', 365 * DAY, 7 * DAY + 1000, 'watch'],
    ['no known beginning, 30 days left', Infinity, 30 * DAY, 'watch'],
    ['no known beginning, 1 s more', Infinity, 30 * DAY + 1000, undefined],
    ['90 days, a third left, when ACME clients renew it', 90 * DAY, 30 * DAY, undefined],
    ['90 days, a quarter left', 90 * DAY, 22.5 * DAY, 'watch'],
    ['90 days, 7 days left', 90 * DAY, 7 * DAY, 'call'],
    ['47 days, 7 days left', 47 * DAY, 7 * DAY, 'watch'],
    ['47 days, a tenth left', 47 * DAY, 4.7 * DAY, 'call'],
    ['a day, 6 hours left', DAY, 6 * HOUR, 'watch'],
    ['a day, 1 s more', DAY, 6 * HOUR + 1000, undefined],
    ['a year, at its end', 365 * DAY, 0, 'call'],
    ['a year, ended long ago', 365 * DAY, -100 * DAY, 'call'],
    ['not valid yet', 90 * DAY, 120 * DAY, undefined],
    ['ends before it begins', -DAY, DAY, undefined],
    ['ended before it began', -DAY, -1, 'call']
  ]
  for (const [name, lifetime, left, level] of table) {
    it(`${name}: ${level ?? 'not yet'}`, () => {
      const validTo = now + left
      assert.equal(endsSoon({ validFrom: validTo - lifetime, validTo }, now), level)
    })
  }
})

describe('endingFirst', () => {
  it('passes over those that are not known', () => {
    const one = { validFrom: 0, validTo: 2 }
    const other = { validFrom: 1, validTo: 1 }
    assert.equal(endingFirst([undefined, one, undefined, other]), other)
    assert.equal(endingFirst([other, one]), other)
    assert.equal(endingFirst([undefined]), undefined)
    assert.equal(endingFirst([]), undefined)
  })
})

describe('certificateDates', () => {
  it('leaves out dates that cannot be read', () => {
    assert.deepEqual(certificateDates('Jan  1 00:00:00 2026 GMT', 'Dec 31 23:59:59 9999 GMT'), {
      validFrom: Date.UTC(2026, 0, 1),
      validTo: Date.UTC(9999, 11, 31, 23, 59, 59)
    })
    assert.equal(certificateDates('Bad time value', 'Dec 31 23:59:59 9999 GMT'), undefined)
    assert.equal(certificateDates('Jan  1 00:00:00 2026 GMT', ''), undefined)
    assert.equal(certificateDates(undefined, undefined), undefined)
  })
})

describe('ServerCertificates', () => {
  const clock = new FakeClock()
  const ending = (days: number): CertificateDates => ({
    validFrom: 0,
    validTo: days * DAY
  })

  it('knows none before a handshake, and then the one that ends first', () => {
    const certificates = new ServerCertificates(clock)
    assert.equal(certificates.endingFirst, undefined)
    certificates.add('hl7.example:443', ending(80))
    certificates.add('login.example:443', ending(20))
    assert.deepEqual(certificates.endingFirst, ending(20))
  })

  it('of several servers behind one name, the one that ends first counts for an hour', () => {
    const certificates = new ServerCertificates(clock)
    const see = (days: number): CertificateDates | undefined => {
      certificates.add('hl7.example:443', ending(days))
      return certificates.endingFirst
    }
    assert.deepEqual(see(80), ending(80))
    assert.deepEqual(see(20), ending(20), 'at once')
    clock.pass(HOUR - 1)
    assert.deepEqual(see(80), ending(20), 'the other server')
    assert.deepEqual(see(20), ending(20))
    clock.pass(HOUR)
    assert.deepEqual(see(80), ending(80), 'renewed')
  })

  it('forgets a server that is no longer in use', () => {
    const certificates = new ServerCertificates(clock)
    certificates.add('old.example:443', ending(20))
    clock.pass(3 * DAY)
    certificates.add('new.example:443', ending(80))
    assert.deepEqual(certificates.endingFirst, ending(20), 'discovery asks once a day')
    clock.pass(1)
    certificates.add('new.example:443', ending(80))
    assert.deepEqual(certificates.endingFirst, ending(80))
  })
})

describe('clientCertificate', () => {
  // Certificates hold times in whole seconds.
  const start = Math.floor(Date.now() / 1000) * 1000
  const dates = (days: number) => ({ validFrom: start - HOUR, validTo: start + days * DAY })
  const issue = async (days: number) => {
    const { validFrom, validTo } = dates(days)
    const authority = await createAuthority()
    const own = await authority.issueClient({
      notBefore: new Date(validFrom),
      notAfter: new Date(validTo)
    })
    return { ...own, ca: authority.ca }
  }

  it('reads our own of a chain, as text or bytes', async () => {
    const { cert, key, ca } = await issue(20)
    assert.deepEqual(clientCertificate({ cert, key }), dates(20))
    assert.deepEqual(clientCertificate({ cert: Buffer.from(cert), key }), dates(20))
    assert.deepEqual(clientCertificate({ cert: `${cert}\n${ca}`, key, ca }), dates(20))
    const other = await issue(10)
    assert.deepEqual(
      clientCertificate({ cert: [cert, Buffer.from(other.cert)], key: [key, other.key] }),
      dates(10)
    )
  })

  it('reads a PFX file', async () => {
    const { cert, key, ca } = await issue(20)
    const directory = mkdtempSync(join(tmpdir(), 'certificates-'))
    try {
      const file = (name: string, text = ''): string => {
        writeFileSync(join(directory, name), text)
        return join(directory, name)
      }
      const pfxFile = file('own.pfx')
      execFileSync('openssl', [
        ...['pkcs12', '-export', '-in', file('cert', cert), '-inkey', file('key', key)],
        ...['-certfile', file('ca', ca), '-out', pfxFile, '-passout', 'pass:secret']
      ])
      const pfx = readFileSync(pfxFile)
      assert.deepEqual(clientCertificate({ pfx, passphrase: 'secret' }), dates(20))
      assert.deepEqual(clientCertificate({ pfx: [{ buf: pfx, passphrase: 'secret' }] }), dates(20))
      assert.equal(clientCertificate({ pfx, passphrase: 'wrong' }), undefined)
    } finally {
      rmSync(directory, { recursive: true })
    }
  })

  it('finds none if none is presented, or it cannot be read', async () => {
    const { cert, key, ca } = await issue(20)
    assert.equal(clientCertificate(undefined), undefined)
    assert.equal(clientCertificate({}), undefined)
    assert.equal(clientCertificate({ ca }), undefined)
    assert.equal(clientCertificate({ cert }), undefined)
    assert.equal(clientCertificate({ cert: 'no PEM', key }), undefined)
    assert.equal(clientCertificate({ pfx: Buffer.from('no PFX') }), undefined)
  })
})
