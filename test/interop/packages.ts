import { spawnSync } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'

/** Debian's own Python: another one does not see Debian's python3-hl7. */
export const PYTHON = '/usr/bin/python3'
export const NGINX = '/usr/sbin/nginx'
export const APACHE = '/usr/sbin/apache2'
export const APACHE_MODULES = '/usr/lib/apache2/modules'

const PACKAGES = [
  'nginx-light',
  'apache2-bin',
  'libapache2-mod-auth-openidc',
  'libapache2-mod-oauth2',
  'python3-hl7'
]

/** Asked by Debian's packages before they start a service. */
const POLICY = '/usr/sbin/policy-rc.d'

/**
 * Sees to it that the servers of these tests are there: from Debian's packages, installed where we
 * may. None of them is started as a service.
 *
 * @returns why they cannot be had, or `undefined`
 */
export function missingPackages(): string | undefined {
  if (present()) return undefined
  if (!existsSync('/etc/debian_version')) return 'needs the packages of Debian'
  if (process.getuid?.() !== 0) {
    return `needs root to install them, or: apt-get install ${PACKAGES.join(' ')}`
  }
  const ownPolicy = !existsSync(POLICY)
  if (ownPolicy) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    apt('update')
    const { status, stderr } = apt('install', '-y', '--no-install-recommends', ...PACKAGES)
    return status === 0 && present()
      ? undefined
      : `the packages cannot be installed: ${stderr.trim().split('\n').at(-1) ?? ''}`
  } finally {
    if (ownPolicy) rmSync(POLICY, { force: true })
  }
}

function present(): boolean {
  return (
    [NGINX, APACHE].every((file) => existsSync(file)) &&
    ['mod_auth_openidc.so', 'mod_oauth2.so'].every((file) =>
      existsSync(`${APACHE_MODULES}/${file}`)
    ) &&
    spawnSync(PYTHON, ['-c', 'import hl7']).status === 0
  )
}

function apt(...args: string[]): { status: number | null; stderr: string } {
  return spawnSync('apt-get', ['-q', ...args], {
    encoding: 'utf8',
    timeout: 240_000,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  })
}
