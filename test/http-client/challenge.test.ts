import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { challengeParameters } from '../../src/http-client/challenge.ts'

describe('the parameters of a challenge', () => {
  it('are read without quotes and escapes', () => {
    const challenges = 'Bearer Error=one, x.error="say \\"two\\" \\\\", my-error=none, error=""'
    const found = challengeParameters({ 'www-authenticate': challenges }, 'error')
    assert.deepEqual(found, ['one', 'say "two" \\'])
  })

  it('are read in little time', () => {
    for (const part of ['a', 'a ', 'a=', 'a="', '\\"a="', ' ', '"']) {
      const start = performance.now()
      challengeParameters({ 'www-authenticate': `error${part.repeat(30_000)}` }, 'error')
      assert.ok(performance.now() - start < 200, part)
    }
  })
})
