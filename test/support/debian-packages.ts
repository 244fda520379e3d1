import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Asked by Debian's packages before they start a service. */
const POLICY = '/usr/sbin/policy-rc.d'
/** Held while packages are installed: apt and the policy are for one at a time. */
const LOCK = join(tmpdir(), 'hl7-https-out-packages.lock')
const LOCK_MS = 600_000

/**
 * Sees to it that servers for tests are there: from Debian's packages, installed where we may. None
 * of them is started as a service.
 *
 * @param names the packages
 * @param present whether everything that they bring is there
 * @returns why they cannot be had, or `undefined`
 */
export function missingPackages(
  names: readonly string[],
  present: () => boolean
): string | undefined {
  if (present()) return undefined
  if (!existsSync('/etc/debian_version')) return 'needs the packages of Debian'
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

/** Test files run side by side, each in its own process. */
function alone<T>(action: () => T): T {
  for (;;) {
    try {
      mkdirSync(LOCK)
      break
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      // One that was killed has left it behind.
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
