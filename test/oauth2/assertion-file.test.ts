import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import promises, { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { inspect } from 'node:util'
import { FakeClock } from '../support/fake-clock.ts'
import { granted, tokenTest, type Asked } from '../support/token-test.ts'

const clock = new FakeClock()
const NOW = clock.now() / 1000
const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
/** It has the form of a JWT, but no valid signature. */
const jwt = (payload: unknown): string => `${part({ alg: 'RS256' })}.${part(payload)}.c2lnbmF0dXJl`

describe('the file with an assertion', () => {
  const test = tokenTest()
  let folder: string
  let path: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'assertion-'))
    path = join(folder, 'token')
  })
  after(() => rm(folder, { recursive: true }))

  const ask = (assertionFile = path): Promise<Asked> =>
    test.ask(granted, { clientAuth: 'client_assertion_file', assertionFile }, clock)

  const later = jwt({ exp: NOW + 1 })
  for (const [what, text] of [
    ['a JWT', later],
    ['a line end', `${later}\n`],
    ['blanks and a byte order mark', `\ufeff ${later}\r\n`],
    ['no expiry', jwt({})],
    ['an expiry in words', jwt({ exp: 'soon' })],
    ['an expiry of null', jwt({ exp: null })]
  ] as const) {
    it(`is sent as it is at each request: ${what}`, async () => {
      await writeFile(path, text)
      const { requests } = await ask()
      assert.equal(requests[0]?.form.get('client_assertion'), text.replace('\ufeff', '').trim())
    })
  }

  /** The words in the error, which shows nothing of the file, and nothing is sent. */
  async function refusal(at = path): Promise<string> {
    const { error, requests } = await ask(at)
    assert.deepEqual([error?.code, error?.permanent], ['ERR_ASSERTION_FILE', false])
    assert.match(error?.hint ?? '', /Assertion file|writes the file/)
    assert.ok(!inspect(error, { showHidden: true, depth: 9 }).includes('hunter2'))
    assert.equal(error?.cause, undefined)
    assert.deepEqual(requests, [])
    return error?.message.replace(`Assertion file: ${at} `, '') ?? ''
  }

  const noJwt = 'does not contain a signed JWT.'
  for (const [what, text, words] of [
    ['blanks', ' \n\t', noJwt],
    ['a word', 'hunter2-hunter2', noJwt],
    ['no JSON in it', `${part({ alg: 'RS256' })}.hunter2.c2ln`, noJwt],
    ['no signature', `${part({ alg: 'none' })}.${part({ sub: 'hunter2' })}.`, noJwt],
    ['a list', jwt(['hunter2']), noJwt],
    ['in JSON', `{"token":"${jwt({ sub: 'hunter2' })}"}`, noJwt],
    ['a word behind it', `${jwt({ sub: 'hunter2' })} hunter2`, noJwt],
    ['just expired', jwt({ exp: NOW }), 'contains a JWT that expired 0 s ago.'],
    ['expired', jwt({ sub: 'hunter2', exp: NOW - 61 }), 'contains a JWT that expired 61 s ago.'],
    ['too long', 'x'.repeat(65_537), 'is not a file of at most 64 KiB.']
  ] as const) {
    it(`is refused: ${what}`, async () => {
      await writeFile(path, text)
      assert.equal(await refusal(), words)
    })
  }

  it('is refused if it is missing, a directory, a named pipe, a device or not readable', async () => {
    const pipe = join(folder, 'pipe')
    execFileSync('mkfifo', [pipe])
    for (const [at, words] of [
      [join(folder, 'none'), 'cannot be read (ENOENT).'],
      [folder, 'is not a file of at most 64 KiB.'],
      [pipe, 'is not a file of at most 64 KiB.'],
      ['/dev/zero', 'is not a file of at most 64 KiB.']
    ] as const) {
      assert.equal(await refusal(at), words)
    }
    assert.match(await refusal('a\0b'), /cannot be read \(ERR_INVALID_ARG_VALUE\)\.$/)
    await writeFile(path, jwt({}))
    await chmod(path, 0)
    // The superuser may read everything.
    if (process.getuid?.() !== 0) assert.match(await refusal(), /EACCES/)
    await chmod(path, 0o600)
  })

  it('is waited for 5 s at most, as on a disk that does not answer', async (t) => {
    const timeout = t.mock.method(AbortSignal, 'timeout', () => {
      const limit = new AbortController()
      setImmediate(() => {
        limit.abort()
      })
      return limit.signal
    })
    const stat = t.mock.method(promises, 'stat', () => new Promise(() => undefined))
    syncBuiltinESMExports()
    const words = await refusal()
    stat.mock.restore()
    syncBuiltinESMExports()
    assert.equal(words, 'could not be read within 5 s.')
    assert.deepEqual(timeout.mock.calls[0]?.arguments, [5000])
  })
})
