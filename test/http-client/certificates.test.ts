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
  ServerCertificate,
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
  const table: [name: string, lifetime: number, left: number, soon: boolean][] = [
    ['a year, 14 days left', 365 * DAY, 14 * DAY, true],
    ['a year, 1 s more', 365 * DAY, 14 * DAY + 1000, false],
    ['90 days, 14 days left', 90 * DAY, 14 * DAY, true],
    ['90 days, 15 days left', 90 * DAY, 15 * DAY, false],
    ['42 days, 14 days left', 42 * DAY, 14 * DAY, true],
    ['30 days, 10 days left', 30 * DAY, 10 * DAY, true],
    ['30 days, 1 s more', 30 * DAY, 10 * DAY + 1000, false],
    ['a day, 8 hours left', DAY, 8 * HOUR, true],
    ['a day, 1 s more', DAY, 8 * HOUR + 1000, false],
    ['a year, at its end', 365 * DAY, 0, true],
    ['a year, ended long ago', 365 * DAY, -100 * DAY, true],
    ['not valid yet', 90 * DAY, 120 * DAY, false],
    ['ends before it begins', -DAY, DAY, false],
    ['ended before it began', -DAY, -1, true]
  ]
  for (const [name, lifetime, left, soon] of table) {
    it(`${name}: ${soon ? 'yes' : 'no'}`, () => {
      const validTo = now + left
      assert.equal(endsSoon({ validFrom: validTo - lifetime, validTo }, now), soon)
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

describe('ServerCertificate', () => {
  /** A certificate of 90 days, unless told otherwise. */
  const ending = (clock: FakeClock, left: number, lifetime = 90 * DAY): CertificateDates => {
    const validTo = clock.now() + left
    return { validFrom: validTo - lifetime, validTo }
  }
  const start = () => {
    const clock = new FakeClock()
    return { clock, certificate: new ServerCertificate(clock) }
  }

  it('knows nothing before a handshake, and has nothing to look at', () => {
    const { clock, certificate } = start()
    clock.pass(100 * DAY)
    assert.equal(certificate.dates, undefined)
    assert.equal(certificate.lookIsDue(), false)
  })

  it('looks once a day, from a day before the certificate is reported until it is renewed', () => {
    const { clock, certificate } = start()
    const dates = ending(clock, 80 * DAY)
    certificate.see(dates)
    const looks: number[] = []
    for (let hour = 0; hour < 80 * 24; hour += 1) {
      if (certificate.lookIsDue()) looks.push((dates.validTo - clock.now()) / DAY)
      clock.pass(HOUR)
    }
    assert.deepEqual(
      looks,
      Array.from({ length: 15 }, (_, day) => 15 - day)
    )
    certificate.see(ending(clock, 90 * DAY))
    clock.pass(2 * DAY)
    assert.equal(certificate.lookIsDue(), false)
  })

  it('goes on looking after the end', () => {
    const { clock, certificate } = start()
    certificate.see(ending(clock, -5 * DAY))
    assert.equal(certificate.lookIsDue(), false)
    clock.pass(DAY)
    assert.equal(certificate.lookIsDue(), true)
    assert.equal(certificate.lookIsDue(), false)
    clock.pass(DAY)
    assert.equal(certificate.lookIsDue(), true)
  })

  it('looks at a short-lived one more often, and at most once a minute', () => {
    const { clock, certificate } = start()
    // Reported for its last 8 hours: looked at every 2 hours.
    certificate.see(ending(clock, 10 * HOUR, DAY))
    assert.equal(certificate.lookIsDue(), false)
    clock.pass(2 * HOUR)
    assert.equal(certificate.lookIsDue(), true)
    clock.pass(2 * HOUR - 1)
    assert.equal(certificate.lookIsDue(), false)
    clock.pass(1)
    assert.equal(certificate.lookIsDue(), true)

    // Also beside a long-lived one that was seen first.
    const { clock: other, certificate: beside } = start()
    beside.see(ending(other, 60 * DAY))
    beside.see(ending(other, 10 * HOUR, DAY))
    other.pass(2 * HOUR)
    assert.equal(beside.lookIsDue(), true)

    certificate.see(ending(clock, 1000, 1000))
    clock.pass(MINUTE - 1)
    assert.equal(certificate.lookIsDue(), false)
    clock.pass(1)
    assert.equal(certificate.lookIsDue(), true)
  })

  it('is not confused by a wall clock that jumps', () => {
    const { clock, certificate } = start()
    certificate.see(ending(clock, 10 * DAY))
    clock.setWall(-365 * DAY)
    clock.pass(DAY)
    assert.equal(certificate.lookIsDue(), false)
    clock.setWall(365 * DAY)
    assert.equal(certificate.lookIsDue(), true)
  })

  it('of several servers keeps the one that ends first, for a day or until the next look', () => {
    const { clock, certificate } = start()
    const [one, other, third] = [60, 50, 70].map((days) => ending(clock, days * DAY))
    assert.ok(one && other && third)
    for (const dates of [one, other, third]) certificate.see(dates)
    assert.equal(certificate.dates, other)
    clock.pass(DAY)
    certificate.see(third)
    assert.equal(certificate.dates, third)

    const soon = ending(clock, 5 * DAY)
    certificate.see(soon)
    clock.pass(DAY)
    assert.equal(certificate.lookIsDue(), true)
    assert.equal(certificate.dates, soon, 'it counts until another is seen')
    certificate.see(third)
    assert.equal(certificate.dates, third)
  })

  it('knows ten minutes after one that ends later whether the first is gone', () => {
    const { clock, certificate } = start()
    const soon = ending(clock, 5 * DAY)
    const later = ending(clock, 90 * DAY)
    certificate.see(soon)
    clock.pass(HOUR)
    certificate.see(soon)
    certificate.see(later)
    assert.equal(certificate.dates, soon)
    clock.pass(10 * MINUTE - 1)
    assert.equal(certificate.lookIsDue(), false)
    clock.pass(1)
    assert.equal(certificate.lookIsDue(), true)
    // Another server still has it.
    certificate.see(soon)
    certificate.see(later)
    assert.equal(certificate.dates, soon)
    clock.pass(10 * MINUTE)
    assert.equal(certificate.lookIsDue(), true)
    certificate.see(later)
    assert.equal(certificate.dates, later)
    clock.pass(DAY)
    assert.equal(certificate.lookIsDue(), false)
  })

  it('takes the next one at once after the end', () => {
    const { clock, certificate } = start()
    certificate.see(ending(clock, MINUTE))
    clock.pass(MINUTE)
    const renewed = ending(clock, 90 * DAY)
    certificate.see(renewed)
    assert.equal(certificate.dates, renewed)
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
