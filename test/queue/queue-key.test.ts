import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { QUEUE_KEY_FILE, queueKey } from '../../src/queue/queue-key.ts'
import { SecretFile } from '../../src/secret-file.ts'

const run = promisify(execFile)
const module = new URL('../../src/queue/queue-key.ts', import.meta.url).href

describe('queueKey', () => {
  let userDir: string
  beforeEach(async () => {
    userDir = await mkdtemp(join(tmpdir(), 'queue-key-'))
  })
  afterEach(async () => {
    await rm(userDir, { recursive: true })
  })

  it('derives the same 32 bytes from the setting each time, and creates no file', async () => {
    const key = await queueKey('sixteen letters!', userDir)
    // A stored queue must open in every later version: the derivation is fixed.
    assert.equal(key.toString('hex'), (await queueKey('sixteen letters!', userDir)).toString('hex'))
    assert.equal(key.length, 32)
    assert.notDeepEqual(key, await queueKey('sixteen letters?', userDir))
    assert.deepEqual(await readdir(userDir), [])
  })

  it('explains that a setting is too short or not a string', async () => {
    for (const setting of ['', 'fifteen letters', 5 as unknown as string]) {
      await assert.rejects(queueKey(setting, userDir), {
        name: 'QueueError',
        code: 'ERR_QUEUE_KEY',
        message: /hl7HttpsOutQueueKey in settings\.js.* must be a string of 16 characters or more/
      })
    }
  })

  it('takes it from a file that another program keeps, and says which one it cannot read', async () => {
    const path = join(userDir, 'key')
    const asked = (): Promise<Buffer> => queueKey(new SecretFile(path), userDir)
    await assert.rejects(asked(), (error: Error & { code: string }) => {
      assert.equal(error.code, 'ERR_QUEUE_KEY')
      assert.match(error.message, /cannot be read \(ENOENT\)\. It is the queue key .*_QUEUE_KEY/)
      return error.message.includes(path)
    })
    await writeFile(path, 'sixteen letters!\n')
    assert.deepEqual(await asked(), await queueKey('sixteen letters!', userDir))
    assert.deepEqual(await readdir(userDir), ['key'])
  })

  it('creates a key file once, readable only by its owner', async () => {
    const first = await queueKey(undefined, userDir)
    const { mode } = await stat(join(userDir, QUEUE_KEY_FILE))
    assert.equal(mode & 0o777, 0o600)
    assert.deepEqual(await queueKey(undefined, userDir), first)
    assert.deepEqual(await readdir(userDir), [QUEUE_KEY_FILE])
  })

  it('does not create a key file while messages wait for a missing one', async () => {
    const path = join(userDir, QUEUE_KEY_FILE)
    const files = ['/queues/a.sqlite', '/queues/b.sqlite']
    const asked = (): Promise<Buffer> =>
      queueKey(undefined, userDir, undefined, () => Promise.resolve(files))
    await assert.rejects(asked(), (error: Error & { code: string }) => {
      assert.equal(error.code, 'ERR_QUEUE_KEY')
      assert.match(
        error.message,
        /is missing, .* in \/queues\/a\.sqlite and 1 more\. Restore the key/
      )
      return error.message.includes(path)
    })
    assert.deepEqual(await readdir(userDir), [])
    files.length = 0
    const key = await asked()
    files.push('/queues/a.sqlite')
    assert.deepEqual(await asked(), key, 'waiting messages do not matter if the file exists')
  })

  it('gives processes that start at the same time the same key', async () => {
    const script = `import { queueKey } from ${JSON.stringify(module)}
      const keys = await Promise.all([1, 2, 3].map(() => queueKey(undefined, ${JSON.stringify(userDir)})))
      console.log(keys.map((key) => key.toString('hex')).join('\\n'))`
    const outputs = await Promise.all(
      [1, 2, 3].map(() => run(process.execPath, ['--input-type=module', '-e', script]))
    )
    const keys = new Set(outputs.flatMap(({ stdout }) => stdout.trim().split('\n')))
    assert.equal(keys.size, 1)
    assert.deepEqual(await readdir(userDir), [QUEUE_KEY_FILE])
  })

  it('warns if others can read the file', async () => {
    await queueKey(undefined, userDir)
    await chmod(join(userDir, QUEUE_KEY_FILE), 0o644)
    const notices: string[] = []
    await queueKey(undefined, userDir, (text) => notices.push(text))
    assert.equal(notices.length, 1)
    assert.match(notices[0] ?? '', /mode 644.*Set its mode to 600/)
  })

  it('never overwrites a file that does not contain a key', async () => {
    const path = join(userDir, QUEUE_KEY_FILE)
    await writeFile(path, 'half a k')
    await assert.rejects(queueKey(undefined, userDir), (error: Error) => {
      assert.match(error.message, /does not contain 64 hexadecimal digits/)
      return error.message.includes(path)
    })
    assert.equal(await readFile(path, 'utf8'), 'half a k')
  })

  it('names the file that it cannot create', async () => {
    const missing = join(userDir, 'no', 'such')
    await assert.rejects(queueKey(undefined, missing), (error: Error) => {
      assert.match(error.message, /\(ENOENT\)/)
      return error.message.includes(join(missing, QUEUE_KEY_FILE))
    })
  })
})
