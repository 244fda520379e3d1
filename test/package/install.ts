import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** A package as a user has it after the palette manager or npm. */
export interface InstalledPackage {
  /** To be removed at the end; holds everything below. */
  directory: string
  /** The Node-RED user directory. */
  userDir: string
  /** The package in it. */
  path: string
  /** What is in the tarball, with `/` as separator, sorted. */
  files: string[]
  /** Bytes of the tarball. */
  packedSize: number
  /** Bytes of its files. */
  unpackedSize: number
}

/**
 * Packs what was built as `npm publish` would, and installs the tarball with its run-time
 * dependencies from the registry into an empty user directory.
 */
export function installPackage(name: string): InstalledPackage {
  const directory = mkdtempSync(join(tmpdir(), 'hl7-https-package-'))
  // Without the scripts: other tests use the build at the same time.
  const printed = npm(['pack', '--ignore-scripts', '--json', '--pack-destination', directory], root)
  const [tarball] = JSON.parse(printed) as {
    filename: string
    size: number
    unpackedSize: number
    files: { path: string }[]
  }[]
  if (tarball === undefined) throw new Error('npm pack made no tarball.')
  const userDir = join(directory, 'user')
  mkdirSync(userDir)
  const file = join(directory, tarball.filename)
  npm(['install', '--omit=dev', '--no-audit', '--no-fund', '--prefix', userDir, file], directory)
  return {
    directory,
    userDir,
    path: join(userDir, 'node_modules', name),
    files: tarball.files.map(({ path }) => path).sort(),
    packedSize: tarball.size,
    unpackedSize: tarball.unpackedSize
  }
}

function npm(args: string[], cwd: string): string {
  // Run by npm itself, this process has npm's settings for the project in its environment.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([variable]) => !/^npm_(?:config_|package_)/i.test(variable))
  )
  const { status, stdout, stderr } = spawnSync('npm', args, {
    cwd,
    env,
    encoding: 'utf8',
    shell: process.platform === 'win32'
  })
  if (status !== 0) throw new Error(`npm ${args[0] ?? ''} failed:\n${stderr}`)
  return stdout
}
