/**
 * Runs the tests: `npm run test:only` for all but the long ones and those with servers from Debian's packages,
 * `npm run test:only -- hl7` for the test files whose path contains one of the words. Two files at a
 * time: each may start servers and a browser.
 */
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installBrowser } from './browser.ts'

process.chdir(dirname(dirname(fileURLToPath(import.meta.url))))

/** How long a file may take, in milliseconds; those of the cluster kill and wait for minutes. */
const FILE_LIMIT = 300_000
const CLUSTER_LIMIT = 1_200_000

const words = process.argv.slice(2)
const files = globSync('test/**/*.test.ts')
  .filter((file) =>
    words.length === 0
      ? !/^test\/(interop|cluster)\//.test(file)
      : words.some((word) => file.includes(word))
  )
  .sort()
if (files.length === 0) {
  console.error(`No test file matches ${words.join(' ')}.`)
  process.exit(1)
}
if (files.some((file) => file.startsWith('test/editor/'))) installBrowser()
const limit = files.some((file) => file.startsWith('test/cluster/')) ? CLUSTER_LIMIT : FILE_LIMIT
const { status } = spawnSync(
  process.execPath,
  ['--test', '--test-concurrency=2', `--test-timeout=${limit}`, ...files],
  { stdio: 'inherit' }
)
process.exit(status ?? 1)
