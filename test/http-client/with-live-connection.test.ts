import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { HttpError, type HttpErrorFacts } from '../../src/http-client/http-error.ts'
import { withLiveConnection } from '../../src/http-client/with-live-connection.ts'

describe('a request with a live connection', () => {
  const error = (facts: Partial<HttpErrorFacts>): HttpError =>
    new HttpError('cut', { code: 'ECONNRESET', family: 'reset', ...facts })
  const stale = error({ reusedConnection: true })

  for (const [what, answers, mayRepeat, sent, isRepeated] of [
    ['an answer', ['ok'], true, 1, false],
    ['a dead connection, then an answer', [stale, 'ok'], true, 2, true],
    ['a dead connection twice', [stale, stale], true, 2, true],
    ['a dead connection, but it may not', [stale], false, 1, false],
    ['a new connection', [error({})], true, 1, false],
    ['half of an answer', [error({ reusedConnection: true, answered: true })], true, 1, false],
    ['no answer in time', [error({ reusedConnection: true, family: 'timeout' })], true, 1, false]
  ] satisfies [string, (string | HttpError)[], boolean, number, boolean][]) {
    it(`is sent ${sent === 1 ? 'once' : 'twice'}: ${what}`, async () => {
      const asked: HttpError[] = []
      let times = 0
      const send = (): Promise<string | HttpError> =>
        Promise.resolve(answers[times++] ?? 'too often')
      const done = await withLiveConnection(send, (failure) => {
        asked.push(failure)
        return mayRepeat
      })
      assert.deepEqual(done, { answer: answers.at(-1), isRepeated })
      assert.equal(times, sent)
      assert.deepEqual(asked, answers[0] === stale ? [stale] : [])
    })
  }
})
