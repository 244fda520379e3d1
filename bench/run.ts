/**
 * Measures this package against its budgets and its alternatives, and prints a table for each part.
 *
 *   npm run bench                    everything, about ten minutes
 *   npm run bench -- --quick         fewer messages, a few minutes
 *   npm run bench -- --readme        also puts the tables of what was measured into bench/README.md
 *   npm run bench -- --json FILE     also writes figures, versions and machine
 *   npm run bench -- --only PART     one part: cpu, disk, accept, pace, large, backlog, start
 *   npm run bench -- --profile DIR   also writes a CPU profile of each candidate (part cpu)
 *   npm run bench -- --before DIR    parts cpu and disk: also measures the version of this package in
 *                                    DIR, a checkout that has been built, and shows it beside this one
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { cpus, loadavg, release, totalmem, type } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { isMet, replaced, table, type Row } from './report.ts'
import { acceptRows } from './rows/accept.ts'
import { backlogRows } from './rows/backlog.ts'
import { cpuRows } from './rows/cpu.ts'
import { diskRows } from './rows/disk.ts'
import { largeRows } from './rows/large.ts'
import { paceRows } from './rows/pace.ts'
import { peakMemoryRows } from './rows/peak-memory.ts'
import { startRows } from './rows/start.ts'
import { CLIENT, SCOPE, Servers } from './servers.ts'
import { readEarlierVersion } from './versions.ts'
import got from 'got'

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    readme: { type: 'boolean', default: false },
    json: { type: 'string' },
    only: { type: 'string' },
    profile: { type: 'string' },
    before: { type: 'string' }
  }
})
const { quick } = options
const before = options.before === undefined ? undefined : readEarlierVersion(options.before)

const servers = await Servers.start()
const { access_token: token } = await got
  .post(`${servers.issuer}/token`, {
    username: CLIENT.clientId,
    password: CLIENT.clientSecret,
    form: { grant_type: 'client_credentials', scope: SCOPE },
    https: { certificateAuthority: servers.ca }
  })
  .json<{ access_token: string }>()

const parts: Record<string, () => Promise<Row[]>> = {
  cpu: async () => [
    ...(await cpuRows({ servers, token, quick, profiles: options.profile, before })),
    ...(await peakMemoryRows({ servers, token, quick, before }))
  ],
  disk: () => diskRows(servers, quick, before),
  accept: () => acceptRows(servers, quick),
  pace: () => paceRows(servers, token, quick),
  large: () => largeRows(servers),
  backlog: () => backlogRows(servers, quick),
  start: () => startRows(quick)
}

if (options.only !== undefined && !(options.only in parts)) {
  servers.close()
  throw new Error(`There is no part ${options.only}; there are: ${Object.keys(parts).join(', ')}.`)
}
const rows: Row[] = []
for (const [name, measure] of Object.entries(parts)) {
  if (options.only !== undefined && options.only !== name) continue
  const begun = performance.now()
  const loadBefore = load()
  const measured = await measure()
  rows.push(...measured)
  const seconds = ((performance.now() - begun) / 1000).toFixed(0)
  const day = new Date().toISOString().slice(0, 10)
  const how = `Measured on ${day} in ${seconds} s${quick ? ', with few messages' : ''}; load before ${loadBefore}, after ${load()}.`
  const text = `${table(measured, before?.version)}\n\n${how}`
  console.log(`${name}:\n\n${text}\n`)
  if (options.readme && measured.length > 0) {
    const page = join(import.meta.dirname, 'README.md')
    writeFileSync(page, replaced(readFileSync(page, 'utf8'), name, text))
  }
}
servers.close()

if (options.json !== undefined) {
  const results = {
    at: new Date().toISOString(),
    quick,
    machine: {
      system: `${type()} ${release()}`,
      cpu: cpus()[0]?.model ?? '',
      cores: cpus().length,
      memoryMb: Math.round(totalmem() / 2 ** 20)
    },
    versions: {
      'Node.js': process.versions.node,
      OpenSSL: process.versions.openssl,
      ...versionsOf('node-red', 'got', 'openid-client')
    },
    ...(before === undefined ? {} : { before }),
    rows: rows.map((row) => ({ ...row, met: isMet(row) }))
  }
  writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`)
}

function load(): string {
  return (loadavg()[0] ?? 0).toFixed(1)
}

function versionsOf(...names: string[]): Record<string, string> {
  const require = createRequire(import.meta.url)
  return Object.fromEntries(
    names.map((name) => {
      const directory = require.resolve.paths(name)?.[1] ?? ''
      const file = readFileSync(`${directory}/${name}/package.json`, 'utf8')
      return [name, (JSON.parse(file) as { version: string }).version]
    })
  )
}
