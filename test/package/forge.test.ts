import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const { scripts, version } = JSON.parse(read('package.json')) as {
  scripts: Record<string, string>
  version: string
}

describe('the workflows of the forge', () => {
  const tests = read('.github/workflows/test.yml')

  it('run each night what test:nightly runs, except what CONTRIBUTING.md excepts', () => {
    const nightly = scripts['test:nightly']?.split(' && ') ?? []
    assert.ok(nightly.length > 5)
    const lines = tests.split('\n').map((line) => line.replace(/^ *- (?:run: )?/, ''))
    assert.deepEqual(
      nightly.filter((command) => !lines.includes(command)),
      ['npm run test:mutation']
    )
    const [, releasing = ''] = read('CONTRIBUTING.md').split('\n## Releasing\n')
    assert.match(releasing, /All of that but `npm run test:mutation` also runs on the forge/)
  })

  it('use no other scripts than there are', () => {
    const used = [tests, read('.github/workflows/release.yml'), read('.ci/run')].flatMap((text) =>
      [...text.matchAll(/npm run ([\w:]+)/g)].map(([, name = '']) => name)
    )
    assert.ok(used.length > 8)
    for (const name of used) assert.ok(Object.hasOwn(scripts, name), name)
  })
})

describe('a release', () => {
  const release = read('.github/workflows/release.yml')

  it('has both packages, the list of what is in them, and the checksums of all', () => {
    const steps = ['npm pack ', 'HL7_PACKAGE=', 'npm run pack:offline', '*.map', 'sha256sum *']
    const places = steps.map((step) => release.indexOf(step))
    assert.ok(!places.includes(-1))
    assert.deepEqual(
      places.toSorted((a, b) => a - b),
      places
    )
  })

  it('publishes only the package that is tested', () => {
    const [, published] = /npm publish "(.+?)" /.exec(release) ?? []
    const file = `hl7-https-node-red-hl7-https-out-\${GITHUB_REF_NAME#v}.tgz`
    assert.equal(published, `./release/${file}`)
  })
})

describe('CHANGELOG.md', () => {
  it('begins with the version of the package, or with a newer one', () => {
    const [, newest = '', date = ''] = /^## (\S+) \((.+)\)$/m.exec(read('CHANGELOG.md')) ?? []
    assert.match(date, /^(?:unreleased|20\d\d-\d\d-\d\d)$/)
    assert.ok(newest.localeCompare(version, 'en', { numeric: true }) >= 0, newest)
  })

  it('begins each version with at most five headlines', () => {
    const versions = read('CHANGELOG.md').split(/^## /m).slice(1)
    const heads = versions.map((text) => text.split(/^(?:###|\*\*)/m)[0] ?? '')
    const counts = heads.map((head) => [...head.matchAll(/^- /gm)].length)
    assert.deepEqual(
      counts.filter((count) => count > 5),
      []
    )
  })
})
