/**
 * Runs the tests: `npm run test:only` all but those of the night and those with servers from
 * Debian's packages, `npm run test:only -- hl7` the test files whose path contains one of the words.
 *
 * Test files that need a Node-RED or a browser share one: those of `test/nodes/` run in one process,
 * one after the other, and so do those of `test/editor/`. All others have a process of their own, two
 * at a time. The editor's run beside the others, since they mostly wait.
 */
import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildIfNeeded } from '../demo/build-if-needed.ts'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
process.chdir(root)

/** The folders whose test files share a Node-RED; those of the editor also a browser. */
const EDITOR = 'test/editor/'
const NODES = 'test/nodes/'
/** Not part of `npm test`. */
const LONG = /^test\/(?:interop|cluster|soak)\//
/** Time limit for a test or, of the other folders, a whole file, in milliseconds. */
const LIMIT = 300_000
/** The cluster and the soak kill and wait for minutes. */
const LONG_LIMIT = 5_400_000

const words = process.argv.slice(2)
const files = globSync('test/**/*.test.ts')
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) =>
    words.length === 0 ? !LONG.test(file) : words.some((word) => file.includes(word))
  )
  .sort()
if (files.length === 0) {
  console.error(`No test file matches ${words.join(' ')}.`)
  process.exit(1)
}
buildIfNeeded(root)

const filesIn = (folder: string): string[] => files.filter((file) => file.startsWith(folder))
const own = files.filter((file) => !file.startsWith(EDITOR) && !file.startsWith(NODES))
const runOthers = async (): Promise<boolean[]> => [
  await run(filesIn(NODES), ['--test-isolation=none']),
  await run(own, ['--test-concurrency=2'])
]
const passed = await Promise.all([run(filesIn(EDITOR), ['--test-isolation=none']), runOthers()])
if (passed.flat().includes(false)) process.exitCode = 1

/** Runs test files, and prints what the runner says when it has ended. @returns whether all passed */
async function run(those: readonly string[], options: readonly string[]): Promise<boolean> {
  if (those.length === 0) return true
  const limit = those.some((file) => LONG.test(file)) ? LONG_LIMIT : LIMIT
  const child = spawn(
    process.execPath,
    ['--test', ...options, `--test-timeout=${limit}`, ...those],
    { stdio: ['ignore', 'pipe', 'inherit'] }
  )
  const printed: Buffer[] = []
  child.stdout.on('data', (piece: Buffer) => printed.push(piece))
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  process.stdout.write(Buffer.concat(printed))
  return code === 0
}
