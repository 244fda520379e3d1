import { spawnSync } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'

/** Asked by Debian's packages before they start a service. */
const POLICY = '/usr/sbin/policy-rc.d'

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

function apt(...args: string[]): { status: number | null; stderr: string } {
  return spawnSync('apt-get', ['-q', ...args], {
    encoding: 'utf8',
    timeout: 240_000,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  })
}
