import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { inspect } from 'node:util'
import { Redactor } from '../src/redactor.ts'
import { SecretFile, secretPath, Secrets } from '../src/secret-file.ts'

describe('a secret in a file', () => {
  let folder: string
  let path: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'secret-'))
    path = join(folder, 'client-secret')
  })
  after(() => rm(folder, { recursive: true }))

  it('is named by its path, as the whole value', () => {
    for (const [text, found] of [
      ['${file:/run/secrets/a b}', '/run/secrets/a b'],
      [' ${file:/run/secrets/a}\n', '/run/secrets/a'],
      ['${file:}', ''],
      ['${NAME}', undefined],
      ['x${file:/run/secrets/a}', undefined],
      ['${file:/run/a}${file:/run/b}', undefined]
    ] as const) {
      assert.equal(secretPath(text), found)
    }
  })

  for (const [what, text, secret] of [
    ['as it is', 'hunter2-hunter2', 'hunter2-hunter2'],
    ['without the line end', 'hunter2-hunter2\n', 'hunter2-hunter2'],
    ['without that of Windows', 'hunter2-hunter2\r\n', 'hunter2-hunter2'],
    ['with any other blank', ' hunter2\nhunter2 \n\n', ' hunter2\nhunter2 \n'],
    ['of 64 KiB', 'x'.repeat(65_536), 'x'.repeat(65_536)]
  ] as const) {
    it(`is read ${what}`, async () => {
      await writeFile(path, text)
      assert.equal(await new SecretFile(path).read(), secret)
    })
  }

  it('is read anew each time, through links that change, too', async () => {
    const link = join(folder, 'link')
    await writeFile(join(folder, 'one'), 'first')
    await writeFile(join(folder, 'two'), 'second')
    await symlink('one', link)
    const secret = new SecretFile(link)
    assert.equal(await secret.read(), 'first')
    await rm(link)
    await symlink('two', link)
    assert.equal(await secret.read(), 'second')
  })

  it('is not read if it is none: the error names path and code', async () => {
    const pipe = join(folder, 'pipe')
    execFileSync('mkfifo', [pipe])
    await writeFile(join(folder, 'empty'), ' \n')
    await writeFile(join(folder, 'large'), 'hunter2'.repeat(9363))
    for (const [at, code] of [
      [join(folder, 'none'), 'ENOENT'],
      [folder, 'EISDIR'],
      [pipe, 'ENOTSUP'],
      ['/dev/zero', 'ENOTSUP'],
      [join(folder, 'empty'), 'ENODATA'],
      [join(folder, 'large'), 'EFBIG'],
      ['/a\0b', 'ERR_INVALID_ARG_VALUE']
    ] as const) {
      const error = await new SecretFile(at).read().then(String, (thrown: unknown) => thrown)
      assert.ok(error instanceof Error)
      const shown = at.replace('\0', ' ')
      const words = `The secret in ${shown} cannot be read (${code}).`
      assert.equal(error.message.replace(/\/a.b/, '/a b'), words)
      assert.doesNotMatch(inspect(error, { showHidden: true }), /hunter2/)
    }
  })

  it('is known to redactors, with the one before, and to nobody else', async () => {
    const secret = new SecretFile(path)
    const secrets = new Secrets(['a-known-one'], ['text', secret])
    const said = (): string =>
      new Redactor(secrets).hide('a-known-one first-0815 second-0815 third-0815 hl7:pass-0815')
    assert.equal(said(), '••• first-0815 second-0815 third-0815 hl7:pass-0815')
    for (const text of ['first-0815', 'second-0815', 'second-0815', 'third-0815']) {
      await writeFile(path, text)
      await secret.read()
    }
    assert.equal(said(), '••• first-0815 ••• ••• hl7:pass-0815')
    await writeFile(path, `Basic ${Buffer.from('hl7:pass-0815').toString('base64')}`)
    await secret.read()
    assert.equal(said(), '••• first-0815 second-0815 ••• •••')
    assert.doesNotMatch(inspect([secret, secrets], { showHidden: true, depth: 9 }), /0815/)
    assert.doesNotMatch(JSON.stringify([secret, secrets]), /0815/)
  })
})
