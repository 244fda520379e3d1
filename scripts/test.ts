/**
 * Runs the tests: `npm run test:only` all but those of the night and those with servers from
 * Debian's packages, `npm run test:only -- hl7` the test files whose path contains one of the words;
 * with `--due`, of these too only what a change can have broken (`due.ts`). `--check` also lints and
 * checks types, beside them.
 *
 * Lanes run side by side; most of them wait for a browser, a server or a disk. What needs a Node-RED
 * or a browser shares one with the rest of its folder, in one process, one file after the other, and
 * what needs neither shares a process. The others have a process each, two at a time.
 */
import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { buildIfNeeded } from '../demo/build-if-needed.ts'
import { filesDue } from './due.ts'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
process.chdir(root)

/** The forms in Node-RED's editor. */
const FORMS = /^test\/editor\//
/** The page of operators, and their tab in the editor. */
const PAGE = /^test\/page\//
const NODES = /^test\/nodes\//
/** Functions of their arguments, and servers in the same process. */
const PURE =
  /^test\/(?:docs|forms|hl7|hl7-over-http|import|oauth2|operations|rules)\/|^test\/[^/]+$/
/** Not part of `npm test`. */
const LONG = /^test\/(?:interop|cluster|soak)\//
/** Time limit for a test or, of the other folders, a whole file, in milliseconds. */
const LIMIT = 300_000
/** The cluster and the soak kill and wait for minutes. */
const LONG_LIMIT = 5_400_000
/** Time limit for a lane, in milliseconds: what a failed test leaves running keeps its process for ever. */
const LANE_LIMIT = 1_800_000

const {
  positionals: words,
  values: { check: isChecking, due: isDueOnly }
} = parseArgs({
  allowPositionals: true,
  options: {
    check: { type: 'boolean', default: false },
    due: { type: 'boolean', default: false }
  }
})
const named = globSync('test/**/*.test.ts')
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) =>
    words.length === 0 ? !LONG.test(file) : words.some((word) => file.includes(word))
  )
  .sort()
if (named.length === 0) {
  console.error(`No test file matches ${words.join(' ')}.`)
  process.exit(1)
}
const files = words.length === 0 || isDueOnly ? filesDue(named) : named
buildIfNeeded(root)

// Each process and each queue thread would else compile the same files again.
process.env['NODE_COMPILE_CACHE'] = resolve('node_modules/.cache/compiled')

const SHARED = [FORMS, PAGE, NODES, PURE]
/** What failed lanes have printed: it comes last, where a reader of a long log looks first. */
const failures: Buffer[] = []
const own = files.filter((file) => !SHARED.some((folder) => folder.test(file)))
const isPassed = await Promise.all([
  testTogether(FORMS),
  testTogether(PAGE),
  testTogether(NODES).then(async (passed) => (await testTogether(PURE)) && passed),
  test(own, ['--test-concurrency=2']),
  check()
])
process.stdout.write(Buffer.concat(failures))
if (isPassed.includes(false)) process.exitCode = 1

function testTogether(folder: RegExp): Promise<boolean> {
  return test(
    files.filter((file) => folder.test(file)),
    ['--test-isolation=none']
  )
}

async function test(those: readonly string[], options: readonly string[]): Promise<boolean> {
  if (those.length === 0) return true
  const isLong = those.some((file) => LONG.test(file))
  const limit = `--test-timeout=${isLong ? LONG_LIMIT : LIMIT}`
  const program = ['--test', ...options, limit, ...those]
  return run(process.execPath, program, isLong ? undefined : LANE_LIMIT)
}

async function check(): Promise<boolean> {
  return !isChecking || run('npm', ['run', '--silent', 'check'])
}

/**
 * Runs a command, and prints what it says when it has ended or, if it failed, when all have ended.
 *
 * @param timeout in milliseconds, after which it is ended; by default never
 * @returns whether it succeeded
 */
async function run(command: string, args: readonly string[], timeout?: number): Promise<boolean> {
  const since = performance.now()
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], timeout })
  const printed: Buffer[] = []
  child.stdout.on('data', (piece: Buffer) => printed.push(piece))
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (timeout !== undefined && performance.now() - since > timeout) {
    printed.push(
      Buffer.from(`These did not end within ${timeout / 60_000} minutes: ${args.join(' ')}\n`)
    )
  }
  if (code === 0) process.stdout.write(Buffer.concat(printed))
  else failures.push(...printed)
  return code === 0
}
