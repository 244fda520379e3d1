import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { tooOld } from './debian-packages.ts'

describe("a version of Debian's", () => {
  for (const [version, expected] of [
    ['3.10.8-1.1+deb12u1', 'RabbitMQ 4.0 or newer needed, found 3.10.8'],
    ['1:3.13.7-1', 'RabbitMQ 4.0 or newer needed, found 3.13.7'],
    ['4.0.5-6', false],
    ['10.0-1', false]
  ] as const) {
    it(`${version}: ${expected || 'new enough'}`, () => {
      assert.equal(tooOld(['RabbitMQ'], new Map([['rabbitmq-server', version]])), expected)
    })
  }
})
