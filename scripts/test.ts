/**
 * Runs the tests: `npm run test:only` all but the long ones and those with servers from Debian's
 * packages, `npm run test:only -- hl7` the test files whose path contains one of the words. Only
 * two files run at a time, because each may start servers and a browser.
 */
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installBrowser } from './browser.ts'

process.chdir(dirname(dirname(fileURLToPath(import.meta.url))))

/** Time limits for a file, in milliseconds; those of the cluster kill and wait for minutes. */
const FILE_LIMIT = 300_000
const CLUSTER_LIMIT = 1_200_000
/** The soak runs as long as it is told to, plus its rests. */
const SOAK_LIMIT = Number(process.env['HL7_SOAK_MINUTES'] ?? 10) * 60_000 + 1_200_000

const words = process.argv.slice(2)
const files = globSync('test/**/*.test.ts')
  .filter((file) =>
    words.length === 0
      ? !/^test\/(interop|cluster|soak)\//.test(file)
      : words.some((word) => file.includes(word))
  )
  .sort()
if (files.length === 0) {
  console.error(`No test file matches ${words.join(' ')}.`)
  process.exit(1)
}
const has = (directory: string): boolean => files.some((file) => file.startsWith(directory))
const limit = has('test/soak/') ? SOAK_LIMIT : has('test/cluster/') ? CLUSTER_LIMIT : FILE_LIMIT
if (has('test/editor/')) installBrowser()
const { status } = spawnSync(
  process.execPath,
  ['--test', '--test-concurrency=2', `--test-timeout=${limit}`, ...files],
  { stdio: 'inherit' }
)
process.exit(status ?? 1)
