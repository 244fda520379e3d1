/**
 * `npm run test:elsewhere` runs `npm test` on the newest commit, in a directory with a blank, an umlaut and words that
 * tests look for: what they find must not be the path of the checkout.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const directory = mkdtempSync(join(tmpdir(), 'elsewhere-'))
const checkout = join(directory, 'home', 'Jürgen DOE')
try {
  run(root, 'git', ['clone', '--quiet', root, checkout])
  run(checkout, 'npm', ['ci', '--no-audit', '--no-fund'])
  run(checkout, 'npm', ['test'])
} finally {
  rmSync(directory, { recursive: true, force: true })
}

function run(cwd: string, command: string, args: readonly string[]): void {
  const { status } = spawnSync(command, args, { cwd, stdio: 'inherit' })
  if (status !== 0) throw new Error(`In ${cwd}, "${[command, ...args].join(' ')}" failed.`)
}
