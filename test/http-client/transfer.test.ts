import assert from 'node:assert/strict'
import { Duplex } from 'node:stream'
import { describe, it } from 'node:test'
import type { Request } from 'got'
import { Exchange } from '../../src/http-client/exchange.ts'
import { HttpError } from '../../src/http-client/http-error.ts'
import { transfer } from '../../src/http-client/transfer.ts'

describe('transfer', () => {
  it('ends if its stream closes with neither an end nor an error', async () => {
    const silent = new Duplex({
      read: () => undefined,
      write: (_chunk, _encoding, done) => {
        done()
      }
    })
    const stream = Object.assign(silent, { options: { method: 'POST' } }) as unknown as Request
    const limits = { connectTimeoutMs: 60_000, responseTimeoutMs: 60_000, maxResponseBytes: 1000 }
    const exchange = new Exchange(new URL('https://127.0.0.1/'), limits, () => undefined)
    try {
      const answer = transfer(stream, Buffer.from('message'), exchange)
      stream.destroy()
      await assert.rejects(answer, (error) => {
        const translated = exchange.translate(error)
        assert.ok(translated instanceof HttpError)
        assert.equal(translated.code, 'ECONNRESET')
        return true
      })
    } finally {
      exchange.end()
    }
  })
})
