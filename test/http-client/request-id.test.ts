import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { requestIdIn } from '../../src/http-client/request-id.ts'

/** A header, and what is kept of it. */
const ROWS: [value: string | string[] | undefined, kept: string | undefined][] = [
  [undefined, undefined],
  ['', undefined],
  // nginx, Heroku, Apigee, Azure API Management.
  ['0b2b1d0a7f6e4c8aa2d5c8c1d4e0f9aa', '0b2b1d0a7f6e4c8aa2d5c8c1d4e0f9aa'],
  ['8f6ad3b2-7d29-4f41-9a4e-1c2b6f0a7d11', '8f6ad3b2-7d29-4f41-9a4e-1c2b6f0a7d11'],
  ['rrt-08f4-1-1/2+3==', 'rrt-08f4-1-1/2+3=='],
  // A gateway and the server behind it.
  ['gw-1, app-2', 'gw-1,app-2'],
  [['gw-1', 'app-2'], 'gw-1,app-2'],
  // No names: words, HL7, what is too long or cannot be shown.
  ['Anna Lindqvist', undefined],
  ['PID|1||4711', undefined],
  ['LINDQVIST^ANNA', undefined],
  ['x'.repeat(128), 'x'.repeat(128)],
  ['x'.repeat(129), undefined],
  ['a\u202eb', undefined]
]

describe('the name that a server gives a request', () => {
  for (const [value, kept] of ROWS) {
    it(`is kept if it is one: ${String(value).slice(0, 40)}`, () => {
      assert.equal(requestIdIn({ 'x-request-id': value }), kept)
    })
  }
})
