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

  const skip = (process.platform !== 'linux' || process.arch !== 'x64') && 'npm has none for it'

  it("is npm's where that of the machine does not start", { skip }, async () => {
    const browser = await startBrowser(launch, [broken])
    try {
      const page = await browser.newPage()
      assert.equal(await page.evaluate('2 + 2'), 4)
    } finally {
      await browser.close()
    }
  })

  it('says of each why it does not start, and what to install', async () => {
    // npm's does not start either.
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
