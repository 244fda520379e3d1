/**
 * Which of the long tests a change needs. They run when something they test has changed, and each night; `HL7_ALL=1`
 * runs them in any case.
 */
import { spawnSync } from 'node:child_process'

/** Tests that take minutes, and what has to change before they can say anything new. */
const LONG_TESTS = [
  {
    are: 'Crash, power and backup trials',
    files: /^test\/(?:crash|power)\/|^test\/nodes\/backup-reboot\./,
    test: ['src/queue', 'src/delivery', 'test/crash', 'test/power', 'test/support/life.ts']
  },
  {
    are: 'Tests with other servers',
    files: /^test\/interop\//,
    test: [
      'src/http-client',
      'src/oauth2',
      'src/hl7-over-http',
      'test/interop',
      'package-lock.json'
    ]
  },
  {
    are: 'Trials of the offline package',
    files: /^test\/package\/offline\./,
    test: ['package.json', 'package-lock.json', 'scripts', 'test/package']
  }
]

/** Of test files, those that are due; prints which others are left out, and why. */
export function filesDue(files: readonly string[]): string[] {
  const before = process.env['HL7_ALL'] === '1' ? undefined : commitBefore()
  if (before === undefined) return [...files]
  return LONG_TESTS.reduce(
    (due, { are, files: those, test }) => {
      if (!due.some((file) => those.test(file)) || isChanged(test, before)) return due
      console.log(`${are} are left out: ${test.join(', ')} are as in ${before.slice(0, 8)}.`)
      console.log('HL7_ALL=1 runs them.')
      return due.filter((file) => !those.test(file))
    },
    [...files]
  )
}

function isChanged(paths: readonly string[], before: string): boolean {
  const changed = git('diff', '--name-only', before, '--', ...paths)
  const added = git('ls-files', '--others', '--exclude-standard', '--', ...paths)
  return changed !== '' || added !== ''
}

/**
 * What this change is compared with: where it left the upstream branch or, if it is there already, what was there a day
 * ago. Undefined if nobody knows, as in a clone without history.
 */
function commitBefore(): string | undefined {
  const base = git('merge-base', 'HEAD', '@{upstream}')
  if (base === undefined) return undefined
  const isUpstream = base === git('rev-parse', 'HEAD')
  return (isUpstream ? git('rev-list', '-1', '--before=1 day ago', 'HEAD') : base) || undefined
}

/** What git prints; undefined if it fails. */
function git(...args: string[]): string | undefined {
  const { status, stdout } = spawnSync('git', args, { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : undefined
}
