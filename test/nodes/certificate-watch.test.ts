import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CertificateWatch } from '../../nodes/flow/certificate-watch.ts'
import type { CertificateDates } from '../../src/http-client/certificates.ts'

const DAY = 24 * 3_600_000
const now = Date.UTC(2026, 0, 1)

describe('CertificateWatch', () => {
  /** A certificate of a year. */
  const ending = (ms: number): CertificateDates => ({
    validFrom: now + ms - 365 * DAY,
    validTo: now + ms
  })
  const watch = (
    receiver?: CertificateDates,
    tokenServer?: CertificateDates,
    client?: CertificateDates,
    secret?: CertificateDates
  ) =>
    new CertificateWatch({
      receiver: () => receiver,
      backup: () => undefined,
      'token server': () => tokenServer,
      client: () => client,
      secret: () => secret
    })

  it('lists what is known, the one that ends first first', () => {
    assert.deepEqual(watch().all(), [])
    assert.deepEqual(watch().ending(now), [])
    assert.deepEqual(watch(ending(300 * DAY), undefined, ending(200 * DAY)).all(), [
      { of: 'client', validTo: now + 200 * DAY },
      { of: 'receiver', validTo: now + 300 * DAY }
    ])
  })

  it('tells which end soon, in whole days', () => {
    const certificates = watch(ending(30 * DAY), ending(31 * DAY), ending(1.9 * DAY))
    const client = { of: 'client', validTo: now + 1.9 * DAY, level: 'call' }
    assert.deepEqual(certificates.ending(now), [
      { ...client, daysLeft: 1 },
      { of: 'receiver', validTo: now + 30 * DAY, daysLeft: 30, level: 'watch' }
    ])
    assert.deepEqual(certificates.ending(now + 1.9 * DAY + 1)[0], { ...client, daysLeft: -1 })
    assert.equal(certificates.ending(now + DAY).length, 3)
    assert.deepEqual(certificates.ending(now - DAY), [{ ...client, daysLeft: 2 }])
  })

  it('tells the client secret, too, and first what calls', () => {
    const short = { validFrom: now - 27 * DAY, validTo: now + 5 * DAY }
    const secret = { validFrom: -Infinity, validTo: now + 6 * DAY }
    const certificates = watch(short, undefined, undefined, secret)
    const told = certificates.ending(now).map(({ of, level }) => [of, level])
    assert.deepEqual(told, [
      ['secret', 'call'],
      ['receiver', 'watch']
    ])
    assert.deepEqual(
      certificates.all().map(({ of }) => of),
      ['receiver', 'secret']
    )
  })

  it('has news at once, again after a day, and again if the clock was set back', () => {
    const seen: { client?: CertificateDates } = {}
    const certificates = new CertificateWatch({
      receiver: () => ending(2 * DAY),
      backup: () => undefined,
      'token server': () => ending(300 * DAY),
      client: () => seen.client,
      secret: () => undefined
    })
    const news = (at: number): string[] => certificates.news(now + at).map(({ of }) => of)
    assert.deepEqual(news(0), ['receiver'])
    seen.client = ending(DAY)
    assert.deepEqual(news(1), ['client'])
    assert.deepEqual(news(DAY - 1), [])
    assert.deepEqual(news(DAY), ['receiver'])
    assert.deepEqual(news(DAY + 1), ['client'])
    assert.deepEqual(news(DAY / 2), ['client', 'receiver'])
    assert.deepEqual(news(DAY / 2 + 1), [])
    assert.deepEqual(news(1.5 * DAY), ['client', 'receiver'])
  })

  it('reads the certificates each time', () => {
    let seen: CertificateDates | undefined
    const certificates = new CertificateWatch({
      receiver: () => seen,
      backup: () => undefined,
      'token server': () => undefined,
      client: () => undefined,
      secret: () => undefined
    })
    assert.deepEqual(certificates.ending(now), [])
    seen = ending(DAY)
    assert.equal(certificates.ending(now).length, 1)
    seen = ending(90 * DAY)
    assert.deepEqual(certificates.ending(now), [])
  })
})
