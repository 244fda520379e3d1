/**
 * Mutation testing: `npm run test:mutation` for all rooms, `npm run test:mutation -- hl7` for some.
 * Stryker changes the code of a room in one place at a time, and runs the tests that reach it. It
 * lists the changes that no test notices. Reports: `coverage/mutation/<room>.html`.
 *
 * `--files charset,path` changes only those files of the room; `--part 1/5` only every fifth block of lines, which
 * tells in a fifth of the time about how many changes of all would be noticed.
 */
import { globSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Stryker } from '@stryker-mutator/core'

process.chdir(dirname(dirname(fileURLToPath(import.meta.url))))

/** The code to change, and its tests. */
const rooms: Record<string, { mutate: string; tests: string }> = {
  hl7: { mutate: 'src/hl7/*.ts', tests: 'test/{hl7,hl7-over-http,rules}/*.test.ts' },
  rules: { mutate: 'src/rules/*.ts', tests: 'test/{rules/*,docs/reply-rules}.test.ts' },
  'hl7-over-http': {
    mutate: 'src/hl7-over-http/*.ts',
    tests: 'test/{hl7-over-http/*,hl7/*,rules/replies,nodes/jsonata}.test.ts'
  },
  delivery: {
    mutate: 'src/delivery/*.ts',
    // Without what takes minutes; with the one that compares the states with the documents.
    tests:
      'test/{delivery/!(long-replies|deadly-message),docs/message-states,rules/try-rules}.test.ts'
  },
  oauth2: {
    mutate: 'src/oauth2/*.ts',
    // Without the tests of whole servers.
    tests: 'test/{oauth2/!(token-servers),delivery/dpop}.test.ts'
  },
  queue: {
    // Without what repairs files, and what only the thread runs: the tests of these take minutes.
    mutate:
      'src/queue/!(open-files|queue-thread-client|queue-worker|readable-rows|renewal|rescue).ts',
    tests:
      'test/queue/!(damage|disk-engine|disk-faults|queue-thread-client|slow-disk|syncer).test.ts'
  },
  'http-client': {
    mutate: 'src/http-client/*.ts',
    tests: 'test/{http-client/*,hl7-over-http/receiver,delivery/retry-schedule}.test.ts'
  },
  // What can be tested without a Node-RED and without a browser.
  nodes: {
    mutate:
      'nodes/{flow/{certificate-watch,condition-table,conditions,flow-commands,status-line,status-texts},settings/jsonata,operations/{register-routes,orphaned-queues,sidebar},operations/page/{csv,picture,times,told,words},operations/page/story/{place,hl7-lines,reply-reading,report},editor/{address-kind,client-certificate,named-value},rules/{reply-rule-row,reply-rule-words}}.ts',
    tests:
      'test/{operations/{hl7-lines,page-words,place,register-routes,reply-reading,report},nodes/{certificate-watch,conditions,flow-commands,jsonata,orphaned-queues,sidebar-tick,status-line},forms/{address-kind,client-certificate,named-value},rules/{reply-rule-row,reply-rule-words}}.test.ts'
  }
}

/**
 * Tests with random input, with large input and of speed: what they find is a matter of chance, and
 * they would make a run take hours. The other tests must find what matters. Also a test that reads
 * the code, which fails because of Stryker's additions.
 */
const skipped = [
  ...['the same (?:way )?twice', 'whatever happens$', 'whatever the separators', 'every generated'],
  'as it reads text',
  ...['every character so', 'any string', 'is exactly one of', 'within it', 'printed'],
  ...['not hang on', 'large Buffer', 'costs little', 'linear', 'needs nothing of Node.js'],
  'however many there are'
].join('|')

// The models take less time, and the first failure is enough.
Object.assign(process.env, { MODEL_RUNS: '300', HL7_SHRINK: 'no' })

/** The first failure ends the tests of a change: those that take longest come last. */
const LONGEST = /\.model\.|\/(?:courier|gate-loads)\./
function inTurn(tests: string[]): string[] {
  return tests.toSorted((one, other) => Number(LONGEST.test(one)) - Number(LONGEST.test(other)))
}

// Each run is a new process, which need not compile everything again.
process.env['NODE_COMPILE_CACHE'] = resolve('coverage/mutation/compiled')

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { files: { type: 'string' }, part: { type: 'string', default: '1/1' } }
})
const unknown = positionals.filter((name) => rooms[name] === undefined)
if (unknown.length > 0) {
  console.error(`No such room: ${unknown.join(', ')}. Rooms: ${Object.keys(rooms).join(', ')}.`)
  process.exit(1)
}
const files = values.files?.split(',').map((name) => `/${name}.ts`)
/** So many lines are taken or left out together. */
const BLOCK_LINES = 20
const [part = 1, parts = 1] = values.part.split('/').map(Number)
if (!(part >= 1 && part <= parts)) {
  console.error(`--part is 1/5, 2/5 and so on, not ${values.part}.`)
  process.exit(1)
}

/** The files, or the lines of them that belong to the part. */
function partOf(files: string[]): string[] {
  if (parts === 1) return files
  const blocks = files.flatMap((file) => {
    const lines = readFileSync(file, 'utf8').split('\n').length
    return Array.from(
      { length: Math.ceil(lines / BLOCK_LINES) },
      (_, index) => `${file}:${index * BLOCK_LINES + 1}-${(index + 1) * BLOCK_LINES}`
    )
  })
  return blocks.filter((_, index) => index % parts === part - 1)
}

for (const [name, room] of Object.entries(rooms)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue
  await new Stryker({
    testRunner: 'tap',
    tap: {
      testFiles: inTurn(globSync(room.tests)),
      nodeArgs: ['--test-reporter=tap', `--test-skip-pattern=/${skipped}/`]
    },
    plugins: ['@stryker-mutator/tap-runner'],
    coverageAnalysis: 'perTest',
    mutate: partOf(
      globSync(room.mutate).filter(
        (file) => !file.endsWith('.d.ts') && (files?.some((end) => file.endsWith(end)) ?? true)
      )
    ),
    // Copies only what the tests of these rooms need.
    ignorePatterns: [
      '/*',
      ...[
        '!/src',
        '!/nodes',
        '!/locales',
        '!/test',
        '!/demo',
        '!/docs',
        '!/examples',
        '!/scripts',
        '!/package.json'
      ]
    ],
    concurrency: 2,
    dryRunTimeoutMinutes: 20,
    timeoutMS: 10_000,
    timeoutFactor: 3,
    tempDirName: 'coverage/mutation/sandbox',
    reporters: ['progress-append-only', 'clear-text', 'html', 'json'],
    clearTextReporter: { logTests: false, allowColor: false, reportTests: false },
    htmlReporter: { fileName: `coverage/mutation/${name}.html` },
    jsonReporter: { fileName: `coverage/mutation/${name}.json` }
  }).runMutationTest()
}
