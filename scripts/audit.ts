/**
 * `npm run audit` asks the registry for known vulnerabilities in the run-time dependencies. If the
 * registry cannot answer (a mirror, no network), it says so but does not fail, because that tells
 * nothing about the packages.
 */
import { spawnSync } from 'node:child_process'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What `npm audit --json` prints: a report, or why there is none. */
interface Printed {
  metadata?: { vulnerabilities: { total: number } }
  message?: string
}

const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--json'], {
  cwd: dirname(dirname(fileURLToPath(import.meta.url))),
  encoding: 'utf8',
  shell: process.platform === 'win32'
})
const { metadata, message = 'no answer' } = printed(stdout)
if (metadata === undefined) {
  console.log(`NOT AUDITED: the registry returned no report. ${message}`)
} else {
  const { total } = metadata.vulnerabilities
  console.log(`Known vulnerabilities in the run-time dependencies: ${total}.`)
  if (total > 0) {
    console.log(stdout)
    process.exitCode = 1
  }
}

function printed(json: string): Printed {
  try {
    return JSON.parse(json) as Printed
  } catch {
    return {}
  }
}
