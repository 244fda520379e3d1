import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'

const dist = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'dist')

/** Loads what Node-RED loads at its start, after what it has loaded itself, and prints what came with it. */
const LOADING = `
import { createRequire, registerHooks } from 'node:module'
const require = createRequire(${JSON.stringify(pathToFileURL(join(dist, 'nodes', 'x.js')).href)})
for (const name of ['crypto', 'http', 'https', 'net', 'tls']) require(name)
const urls = []
registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context)
    urls.push(resolved.url)
    return resolved
  }
})
const before = new Set(process.moduleLoadList)
for (const file of ['operations/sidebar', 'hl7-https-out', 'oauth2-client-credentials']) {
  await import(require.resolve('./' + file + '.js'))
}
const builtins = process.moduleLoadList.filter((name) => !before.has(name))
console.log(JSON.stringify({ urls: [...new Set(urls)], builtins }))
`

describe('the start of Node-RED', () => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '--eval', LOADING],
    { encoding: 'utf8' }
  )
  assert.equal(status, 0, stderr)
  const loaded = JSON.parse(stdout) as { urls: string[]; builtins: string[] }

  it('loads few files of this package', () => {
    const files = loaded.urls.filter((url) => url.startsWith(pathToFileURL(dist).href))
    assert.ok(files.length <= 8, files.join('\n'))
    assert.ok(!files.some((file) => /routes|memory-engine|queue-worker/.test(file)), files.join())
  })

  it('loads no package that only a request needs', () => {
    const packages = loaded.urls.flatMap(
      (url) => /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1] ?? []
    )
    assert.deepEqual([...new Set(packages)].sort(), ['hl7-parser'])
  })

  it('has Node.js load neither HTTP/2, nor SQLite, nor the undici that is part of it', () => {
    const needless = loaded.builtins.filter((name) => /\b(?:http2|undici|sqlite)\b/.test(name))
    assert.deepEqual(needless, [])
  })
})
