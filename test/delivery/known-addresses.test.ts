import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { KnownAddresses } from '../../src/delivery/known-addresses.ts'

// What follows from it: courier.test.ts, "at an address that has answered as a receiver does".
describe('what is known of addresses', () => {
  const own = new URL('https://receiver.test/hl7?key=secret')
  const patient = (number: number): URL => new URL(`/patients/${number}`, own)
  const size = { headBytes: 900, bodyBytes: 2000 }

  it('is in bounded space; of those of the settings, none is forgotten', () => {
    const addresses = new KnownAddresses([own])
    addresses.took(own, true, size)
    for (let number = 0; number < 1000; number++) addresses.took(patient(number), true, size)
    const known = (number: number): boolean => addresses.answersOtherwise(patient(number), false)
    assert.deepEqual([known(0), known(800), known(801), known(999)], [false, false, true, true])
    assert.ok(addresses.answersOtherwise(own, false))
  })

  it('is stored of those of the settings alone, without the URL, and with its largest request', () => {
    const addresses = new KnownAddresses([own, new URL('https://backup.test/hl7')])
    addresses.took(own, false, size)
    addresses.took(own, true, { headBytes: 800, bodyBytes: 3000 })
    addresses.took(own, false, size)
    addresses.took(patient(1), true, size)
    const { stored } = addresses
    const known = { answers: 'hl7', headBytes: 900, bodyBytes: 3000 }
    assert.deepEqual(Object.values(stored), [known])
    assert.doesNotMatch(JSON.stringify(stored), /receiver|secret|patients/)
    const next = new KnownAddresses([new URL('https://receiver.test/hl7?key=changed')])
    next.restore(stored)
    assert.deepEqual(next.stored, stored)
    const moved = new KnownAddresses([patient(1)])
    moved.restore(stored)
    assert.deepEqual(moved.stored, {})
  })
})
