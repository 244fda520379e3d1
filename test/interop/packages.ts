import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { missingPackages } from '../support/debian-packages.ts'

/** Debian's own Python: only it finds Debian's python3-hl7. */
export const PYTHON = '/usr/bin/python3'
export const NGINX = '/usr/sbin/nginx'
export const APACHE = '/usr/sbin/apache2'
export const APACHE_MODULES = '/usr/lib/apache2/modules'

export const PROMETHEUS = '/usr/bin/prometheus'
export const PROMTOOL = '/usr/bin/promtool'

const PACKAGES = [
  'nginx-light',
  'apache2-bin',
  'libapache2-mod-auth-openidc',
  'libapache2-mod-oauth2',
  'python3-hl7'
]

/**
 * Makes sure that the servers for these tests are there, and installs Debian's packages if it can.
 * Their services are not started.
 *
 * @returns why they are not available, or `undefined`
 */
export function missingServers(): string | undefined {
  return missingPackages(PACKAGES, present)
}

/** The same for Authlib and django-oauth-toolkit. */
export function missingTokenServers(): string | undefined {
  return missingPackages(
    ['python3-authlib', 'python3-flask', 'python3-django-oauth-toolkit', 'python3-hl7'],
    () => spawnSync(PYTHON, ['-c', 'import authlib, flask, oauth2_provider, hl7']).status === 0
  )
}

/** The same for Prometheus. */
export function missingPrometheus(): string | undefined {
  return missingPackages(['prometheus'], () =>
    [PROMETHEUS, PROMTOOL].every((file) => existsSync(file))
  )
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
