import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'

const reports = new URL('../../src/http-client/UPSTREAM.md', import.meta.url)
const REPORT = /^## (.*)$[^]*?```js\n([^]*?)```[^]*?```text\n([^]*?)```/gm

describe('what is reported upstream, and worked around until it is mended', () => {
  const found = [...readFileSync(reports, 'utf8').matchAll(REPORT)]
  assert.equal(found.length, 4)
  for (const [, title, script = '', printed] of found) {
    it(`still stands: ${title}`, async () => {
      const program = ['--input-type=module', '--eval', script]
      const { stdout } = await promisify(execFile)(process.execPath, program, { timeout: 60_000 })
      assert.equal(stdout, printed, 'It is mended: the workaround can go.')
    })
  }
})
