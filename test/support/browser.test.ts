import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { chromium } from 'playwright-core'
import { type InstalledBrowser, startBrowser } from './browser.ts'

const WHY = 'error while loading shared libraries: libnss3.so: cannot open shared object file'

describe('the browser for the tests of the editor', () => {
  let directory = ''
  let broken = ''
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'hl7-browser-'))
    broken = join(directory, 'chromium')
    writeFileSync(broken, `#!/bin/sh\necho 'chromium: ${WHY}' >&2\nexit 127\n`, { mode: 0o755 })
  })
  after(() => {
    rmSync(directory, { recursive: true, force: true })
  })

  const launch = (installed: InstalledBrowser) =>
    chromium.launch({ ...installed, args: ['--no-sandbox'] })

  it("is the machine's where npm's does not start", async () => {
    const start = ({ executablePath }: InstalledBrowser) =>
      executablePath === broken ? Promise.resolve('the machine’s') : Promise.reject(new Error(WHY))
    assert.equal(await startBrowser(start, [broken]), 'the machine’s')
  })

  it('says of each why it does not start, and what to install', async () => {
    const start = (installed: InstalledBrowser) =>
      launch({ ...installed, executablePath: broken, env: {} })
    await assert.rejects(
      startBrowser(start, [broken, join(directory, 'missing')]),
      (error: Error) => {
        const lines = error.message.split('\n')
        assert.match(lines[0] ?? '', /^No browser starts\. Install one .*apt-get install/)
        assert.equal(lines[1], `  ${broken}: chromium: ${WHY}`)
        assert.equal(lines.length, 3)
        return true
      }
    )
  })
})
