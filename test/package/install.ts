import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** Milliseconds. An install takes seconds, but the registry once stalled it for nine minutes. */
const NPM_LIMIT = 100_000

class RegistryStalled extends Error {}

/** A package as installed by the palette manager or npm. */
export interface InstalledPackage {
  /** Contains everything below; to be removed at the end. */
  directory: string
  /** The Node-RED user directory. */
  userDir: string
  /** The directory of the package in it. */
  path: string
  /** The files in the tarball, with `/` as separator, sorted. */
  files: string[]
  /** Size of the tarball, in bytes. */
  packedSize: number
  /** Size of its files, in bytes. */
  unpackedSize: number
}

/**
 * Packs the build as `npm publish` would, and installs the tarball with its run-time dependencies
 * from the registry in an empty user directory. `HL7_PACKAGE` names a tarball that is there already:
 * the one that will be published.
 */
export function installPackage(name: string): InstalledPackage {
  const directory = mkdtempSync(join(tmpdir(), 'hl7-https-package-'))
  const packed = process.env['HL7_PACKAGE']
  // Without scripts, because other tests use the build at the same time. This one makes docs/licenses.md.
  spawnSync(process.execPath, ['scripts/licenses.ts'], { cwd: root, stdio: 'inherit' })
  const options = ['--ignore-scripts', '--json', '--pack-destination', directory]
  const printed = npm(['pack', ...(packed === undefined ? [] : [packed]), ...options], root)
  const [tarball] = JSON.parse(printed) as {
    filename: string
    size: number
    unpackedSize: number
    files: { path: string }[]
  }[]
  if (tarball === undefined) throw new Error('npm pack created no tarball.')
  const userDir = join(directory, 'user')
  mkdirSync(userDir)
  const file = join(directory, tarball.filename)
  const install = ['install', '--omit=dev', '--no-audit', '--no-fund', '--prefix', userDir, file]
  try {
    npm(install, directory)
  } catch (error) {
    if (!(error instanceof RegistryStalled)) throw error
    npm(install, directory)
  }
  return {
    directory,
    userDir,
    path: join(userDir, 'node_modules', name),
    files: tarball.files.map(({ path }) => path).sort(),
    packedSize: tarball.size,
    unpackedSize: tarball.unpackedSize
  }
}

/** Runs npm.
 *
 * @throws {Error} with what it printed, if it fails
 */
export function npm(args: string[], cwd: string): string {
  // If npm runs this process, its environment has npm's settings for the project.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([variable]) => !/^npm_(?:config_|package_)/i.test(variable))
  )
  const { status, stdout, stderr, error } = spawnSync('npm', args, {
    cwd,
    env,
    encoding: 'utf8',
    timeout: NPM_LIMIT,
    shell: process.platform === 'win32'
  })
  if (error !== undefined && 'code' in error && error.code === 'ETIMEDOUT') {
    throw new RegistryStalled(`npm ${args[0] ?? ''} did not end within ${NPM_LIMIT} ms.`)
  }
  if (status !== 0) throw new Error(`npm ${args[0] ?? ''} failed:\n${stderr}`)
  return stdout
}
