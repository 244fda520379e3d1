import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { bundledPackages, licensesPage } from '../../scripts/licenses.ts'

describe('the list of licenses', () => {
  it('has what is installed, and nothing that is only for development', () => {
    const page = licensesPage([])
    const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
    const { dependencies, devDependencies } = JSON.parse(manifest) as Record<string, object>
    // oauth4webapi is one that another needs.
    for (const name of [...Object.keys(dependencies ?? {}), 'oauth4webapi']) {
      assert.match(
        page,
        new RegExp(`^\\| ${name} \\| [\\d.]+ \\| MIT \\| installed with it \\|$`, 'm')
      )
    }
    for (const name of Object.keys(devDependencies ?? {})) {
      assert.ok(!page.includes(`| ${name} |`), name)
    }
  })

  it('has the license text of what is bundled', () => {
    const bundled = bundledPackages()
    assert.ok(bundled.includes('lit-html'), bundled.join())
    const page = licensesPage(bundled)
    assert.match(page, /^\| lit-html \| [\d.]+ \| BSD-3-Clause \| part of this package \|$/m)
    assert.match(page, /Google LLC[^]*Redistributions in binary form must reproduce/)
  })
})
