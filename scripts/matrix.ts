/**
 * `npm run test:matrix` runs the tests of nodes, forms and page with other versions of Node-RED and
 * Node.js than the project's own. They are installed from npm, once, into the user's cache
 * directory (`$XDG_CACHE_HOME` or `~/.cache`); delete `hl7-https-out` there to get newer ones.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildIfNeeded } from '../demo/build-if-needed.ts'

/** The oldest that is supported, and the newest; `5` means the newest 5.x. */
const ROWS = [
  { nodeRed: '4.1', node: '22.21.0' },
  { nodeRed: '5', node: '26' }
]

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'hl7-https-out')

buildIfNeeded(root)
const results: string[] = []
for (const row of ROWS) {
  const platform = process.platform === 'win32' ? 'win' : process.platform
  const nodeRed = installed('node-red', row.nodeRed)
  const node = installed(`node-${platform}-${process.arch}`, row.node)
  const versions = `Node-RED ${versionOf(nodeRed)} on Node.js ${versionOf(node)}`
  console.log(`\n${versions}`)
  const start = performance.now()
  const { status } = spawnSync(
    process.execPath,
    ['scripts/test.ts', 'test/nodes/', 'test/editor/', 'test/page/'],
    {
      cwd: root,
      stdio: 'inherit',
      env: {
        ...process.env,
        NODE_RED_DIR: nodeRed,
        NODE_RED_NODE: join(node, 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
      }
    }
  )
  const seconds = Math.round((performance.now() - start) / 1000)
  results.push(`${versions}: ${status === 0 ? 'passed' : 'FAILED'} (${seconds} s)`)
  if (status !== 0) process.exitCode = 1
}
console.log(`\n${results.join('\n')}`)

/** The directory of a package in that version, which is installed if necessary. */
function installed(name: string, version: string): string {
  const directory = join(cache, `${name}-${version}`)
  if (!existsSync(directory)) {
    console.log(`Installing ${name} ${version} …`)
    // Installs elsewhere and renames, so that an interrupted install is never used.
    const draft = `${directory}.${process.pid}`
    mkdirSync(draft, { recursive: true })
    const { status } = spawnSync(
      'npm',
      [
        'install',
        `${name}@${version}`,
        ...['--prefix', draft, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
      ],
      { stdio: 'inherit', shell: process.platform === 'win32' }
    )
    if (status !== 0) {
      rmSync(draft, { recursive: true, force: true })
      throw new Error(`npm could not install ${name}@${version}.`)
    }
    // Another run may have been faster.
    if (existsSync(directory)) rmSync(draft, { recursive: true })
    else renameSync(draft, directory)
  }
  return join(directory, 'node_modules', name)
}

function versionOf(directory: string): string {
  const manifest: unknown = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
  return (manifest as { version: string }).version.replace(/^v/, '')
}
