import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Debian's packages ask it before they start a service. */
const POLICY = '/usr/sbin/policy-rc.d'
/** Held while packages are installed: apt and the policy do not allow two at a time. */
const LOCK = join(tmpdir(), 'hl7-https-out-packages.lock')
const LOCK_MS = 600_000

/**
 * Makes sure that Debian's packages with servers for the tests are there, and installs them if it
 * can. Their services are not started.
 *
 * @param names the packages
 * @param present whether everything they contain is there
 * @returns why they are not available, or `undefined`
 */
export function missingPackages(
  names: readonly string[],
  present: () => boolean
): string | undefined {
  if (present()) return undefined
  if (!existsSync('/etc/debian_version')) return 'needs Debian packages'
  if (process.getuid?.() !== 0) {
    return `needs root to install them, or: apt-get install ${names.join(' ')}`
  }
  return alone(() => (present() ? undefined : install(names, present)))
}

function install(names: readonly string[], present: () => boolean): string | undefined {
  const ownPolicy = !existsSync(POLICY)
  if (ownPolicy) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    apt('update')
    const { status, stderr } = apt('install', '-y', '--no-install-recommends', ...names)
    return status === 0 && present()
      ? undefined
      : `the packages cannot be installed: ${stderr.trim().split('\n').at(-1) ?? ''}`
  } finally {
    if (ownPolicy) rmSync(POLICY, { force: true })
  }
}

/** Waits for the lock, because test files run in parallel, each in its own process. */
function alone<T>(action: () => T): T {
  for (;;) {
    try {
      mkdirSync(LOCK)
      break
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      // A killed process may have left it behind.
      const since = statSync(LOCK, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()
      if (Date.now() - since > LOCK_MS) rmSync(LOCK, { recursive: true, force: true })
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500)
    }
  }
  try {
    return action()
  } finally {
    rmdirSync(LOCK)
  }
}

function apt(...args: string[]): { status: number | null; stderr: string } {
  return spawnSync('apt-get', ['-q', ...args], {
    encoding: 'utf8',
    timeout: 240_000,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  })
}
