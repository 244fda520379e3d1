import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { challengeParameters, challengeSchemes } from '../../src/http-client/challenge.ts'

describe('the parameters of a challenge', () => {
  it('are read without quotes and escapes', () => {
    const challenges = 'Bearer Error=one, x.error="say \\"two\\" \\\\", my-error=none, error=""'
    const found = challengeParameters({ 'www-authenticate': challenges }, 'error')
    assert.deepEqual(found, ['one', 'say "two" \\'])
  })

  it('are read whole where a proxy has taken the quotes away (Jetty)', () => {
    const challenges =
      'Bearer error=invalid_token, error_description=The iss claim is not valid, error_uri=https://a.example, Basic realm=x y=z'
    const headers = { 'www-authenticate': challenges }
    for (const [name, value] of [
      ['error', 'invalid_token'],
      ['error_description', 'The iss claim is not valid'],
      ['error_uri', 'https://a.example'],
      ['realm', 'x'],
      ['y', 'z']
    ] as const) {
      assert.deepEqual(challengeParameters(headers, name), [value])
    }
  })

  it('stand behind a scheme', () => {
    for (const [challenges, schemes] of [
      ['Bearer', ['Bearer']],
      ['basic realm="Bearer, Digest x"', ['Basic']],
      ['Digest realm="x", nonce="y", Basic realm="z"', ['Basic', 'Digest']],
      ['Bearer error=x, DPoP algs="ES256"', ['Bearer', 'DPoP']],
      ['Negotiate, NTLM', ['Negotiate', 'NTLM']],
      ['Unknown realm="x", basic="y"', []],
      ['', []]
    ] as const) {
      assert.deepEqual(challengeSchemes({ 'www-authenticate': challenges }), schemes, challenges)
    }
  })

  it('are read in little time', () => {
    for (const part of ['a', 'a ', ' a', ', a', ',', 'a=', 'a="', '\\"a="', ' ', '"', '\\"']) {
      const before = process.cpuUsage()
      const headers = { 'www-authenticate': `error${part.repeat(30_000)}` }
      challengeParameters(headers, 'error')
      challengeSchemes(headers)
      const { user, system } = process.cpuUsage(before)
      // CPU time: another program may have the processor.
      assert.ok(user + system < 200_000, part)
    }
  })
})
