import { spawnSync, type SpawnSyncReturns } from 'node:child_process'
import { existsSync, mkdirSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What tests use besides npm's packages: Debian's package, and the oldest version that will do. */
const NEEDED = {
  Apache: ['apache2-bin', '2.4'],
  // Older ones do not decode ID and secret in Basic.
  Authlib: ['python3-authlib', '1.6'],
  // Older ones cannot store a secret as it is.
  'django-oauth-toolkit': ['python3-django-oauth-toolkit', '3.0'],
  Flask: ['python3-flask', '2.2'],
  HAProxy: ['haproxy', '2.6'],
  JDK: ['default-jdk-headless', '1.17'],
  mod_auth_openidc: ['libapache2-mod-auth-openidc', '2.4.12'],
  mod_security: ['libapache2-mod-security2', '2.9'],
  mod_oauth2: ['libapache2-mod-oauth2', '3.3'],
  nghttpx: ['nghttp2-proxy', '1.43'],
  nginx: ['nginx', '1.22'],
  'OWASP CRS': ['modsecurity-crs', '3.3'],
  PHP: ['php-cgi', '8.2'],
  Prometheus: ['prometheus', '2.42'],
  'Python for uWSGI': ['uwsgi-plugin-python3', '2.0'],
  'python-hl7': ['python3-hl7', '0.4.5'],
  // Older quorum queues know no consumer priority for a single active consumer.
  RabbitMQ: ['rabbitmq-server', '4.0'],
  spyne: ['python3-spyne', '2.14'],
  strace: ['strace', '6.1'],
  uWSGI: ['uwsgi-core', '2.0']
} as const

/** Debian's own Python: only it finds Debian's packages for Python. */
export const PYTHON = '/usr/bin/python3'

type Name = keyof typeof NEEDED
/** Versions as Debian writes them, such as `3:3.10.8-1.1+deb12u1`, by package. */
type Versions = ReadonlyMap<string, string>

/** Debian's packages ask it before they start a service. */
const POLICY = '/usr/sbin/policy-rc.d'
/** Held while packages are installed: apt and the policy do not allow two at a time. */
const LOCK = join(tmpdir(), 'hl7-https-out-packages.lock')
const LOCK_MS = 600_000

/**
 * Makes sure that everything is there that a test uses, in a version that will do; what is not
 * there is installed if that is possible. Services are not started.
 *
 * @returns why the test must be skipped, or `false`
 */
export function missing(...names: readonly Name[]): string | false {
  if (!existsSync('/etc/debian_version')) return `needs Debian's ${names.join(', ')}`
  const packages = names.map((name) => NEEDED[name][0])
  const versions = installed(packages)
  if (versions.size === packages.length) return tooOld(names, versions)
  if (process.getuid?.() !== 0) {
    return `needs root to install packages, or: apt-get install ${packages.join(' ')}`
  }
  return alone(() => {
    if (installed(packages).size < packages.length) run('apt-get', '-q', 'update')
    return tooOld(names, available(packages)) || install(packages)
  })
}

/** @returns what is older than needed, or `false` */
export function tooOld(names: readonly Name[], versions: Versions): string | false {
  const reasons = names.flatMap((name) => {
    const [debian, needed] = NEEDED[name]
    const [, found] = /^(?:\d+:)?([\d.]*\d)/.exec(versions.get(debian) ?? '') ?? []
    const isOld = found?.localeCompare(needed, 'en', { numeric: true }) === -1
    return isOld ? `${name} ${needed} or newer needed, found ${found}` : []
  })
  return reasons.length > 0 && reasons.join('; ')
}

function installed(packages: readonly string[]): Versions {
  const { stdout } = run(
    'dpkg-query',
    '-W',
    '-f=${db:Status-Status} ${Package} ${Version}\n',
    ...packages
  )
  return new Map([...stdout.matchAll(/^installed (\S+) (\S+)$/gm)].map(pair))
}

/** What would be installed. */
function available(packages: readonly string[]): Versions {
  const { stdout } = run('apt-cache', 'policy', ...packages)
  return new Map([...stdout.matchAll(/^(\S+):\n.*\n +Candidate: (\d\S*)$/gm)].map(pair))
}

function pair([, one = '', other = '']: RegExpExecArray): [string, string] {
  return [one, other]
}

/** @returns why that was not possible, or `false` */
function install(packages: readonly string[]): string | false {
  const ownPolicy = !existsSync(POLICY)
  if (ownPolicy) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    const { status, stderr } = run(
      'apt-get',
      ...['-q', 'install', '-y', '--no-install-recommends'],
      ...packages
    )
    if (status === 0) return false
    return `the packages cannot be installed: ${stderr.trim().split('\n').at(-1) ?? ''}`
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

function run(program: string, ...args: string[]): SpawnSyncReturns<string> {
  return spawnSync(program, args, {
    encoding: 'utf8',
    timeout: 240_000,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' }
  })
}
