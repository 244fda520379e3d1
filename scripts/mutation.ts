/**
 * Mutation testing: `npm run test:mutation` for all rooms, `npm run test:mutation -- hl7` for some.
 * Stryker changes the code of a room in one place at a time and runs the tests that reach the place;
 * a change that no test notices survives and is listed. Reports: `coverage/mutation/<room>.html`.
 *
 * With `--files charset,path` only those of the room's files are changed.
 */
import { globSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Stryker } from '@stryker-mutator/core'

process.chdir(dirname(dirname(fileURLToPath(import.meta.url))))

/** What is changed, and what tests it. */
const rooms: Record<string, { mutate: string; tests: string }> = {
  hl7: { mutate: 'src/hl7/*.ts', tests: 'test/hl7/*.test.ts' },
  rules: {
    mutate: 'src/rules/*.ts',
    tests: 'test/rules/*.test.ts'
  },
  oauth2: {
    mutate: 'src/oauth2/*.ts',
    // Without those of whole servers and of time-outs, which take tens of seconds.
    tests: 'test/oauth2/!(token-servers|token-faults).test.ts'
  }
}

/**
 * Tests of random input, of large input and of time: what they notice is a matter of chance, and with
 * them a run would take hours. What matters has to be noticed by the others. Besides, one that reads
 * the code, which Stryker's additions would fail.
 */
const skipped = [
  ...[
    'twice',
    'whatever happens',
    'whatever the separators',
    'every generated',
    'as it reads text'
  ],
  ...['every character so', 'any string', 'is exactly one of', 'within it', 'printed'],
  ...['not hang on', 'large Buffer', 'costs little', 'linear', 'needs nothing of Node.js']
].join('|')

// Each run is a process of its own; what is compiled once need not be again.
process.env['NODE_COMPILE_CACHE'] = resolve('coverage/mutation/compiled')

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { files: { type: 'string' } }
})
const unknown = positionals.filter((name) => rooms[name] === undefined)
if (unknown.length > 0) {
  console.error(`No room ${unknown.join(', ')}; there are ${Object.keys(rooms).join(', ')}.`)
  process.exit(1)
}
const files = values.files?.split(',').map((name) => `/${name}.ts`)
for (const [name, room] of Object.entries(rooms)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue
  await new Stryker({
    testRunner: 'tap',
    tap: {
      testFiles: globSync(room.tests),
      nodeArgs: ['--test-reporter=tap', `--test-skip-pattern=/${skipped}/`]
    },
    plugins: ['@stryker-mutator/tap-runner'],
    coverageAnalysis: 'perTest',
    mutate: globSync(room.mutate).filter(
      (file) => !file.endsWith('.d.ts') && (files?.some((end) => file.endsWith(end)) ?? true)
    ),
    // Only what the tests of these rooms need is copied.
    ignorePatterns: ['/*', '!/src', '!/test', '!/demo', '!/package.json'],
    concurrency: 2,
    timeoutMS: 10_000,
    timeoutFactor: 3,
    tempDirName: 'coverage/mutation/sandbox',
    reporters: ['progress-append-only', 'clear-text', 'html', 'json'],
    clearTextReporter: { logTests: false, allowColor: false, reportTests: false },
    htmlReporter: { fileName: `coverage/mutation/${name}.html` },
    jsonReporter: { fileName: `coverage/mutation/${name}.json` }
  }).runMutationTest()
}
