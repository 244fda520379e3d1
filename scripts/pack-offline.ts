/**
 * `npm run pack:offline` writes two files, to the current directory or to the one that is named: a package that is
 * installed without a registry, because it contains the packages that it needs, in the versions with which the tests
 * ran; and the list of all that is in it (SBOM, CycloneDX). No package has native code, so one file is for all platforms.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundledPackages } from './licenses.ts'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

interface Manifest {
  name: string
  version: string
  license?: string
  dependencies?: Record<string, string>
  devDependencies?: Record<string, string>
  bundleDependencies?: string[]
}

/** @returns the paths of both files */
export function packOffline(directory: string): { packed: string; sbom: string } {
  const stage = mkdtempSync(join(tmpdir(), 'hl7-https-offline-'))
  try {
    const { filename, files } = pack(root, '--dry-run')
    for (const { path } of files) cpSync(join(root, path), join(stage, path))
    for (const path of neededPackages()) copyPackage(path, stage)
    const { devDependencies: _, ...manifest } = manifestIn(root)
    const bundleDependencies = Object.keys(manifest.dependencies ?? {})
    const ours = JSON.stringify({ ...manifest, bundleDependencies }, null, 2)
    writeFileSync(join(stage, 'package.json'), `${ours}\n`)

    const stem = join(directory, filename.replace(/\.tgz$/, ''))
    const [packed, sbom] = [`${stem}-offline.tgz`, `${stem}.cdx.json`]
    cpSync(join(stage, pack(stage).filename), packed)
    writeFileSync(sbom, sbomOf(stage))
    return { packed, sbom }
  } finally {
    rmSync(stage, { recursive: true, force: true })
  }
}

/** Where the packages are that are needed at run time, such as `node_modules/got`, as the lock file says. */
function neededPackages(): string[] {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version: string; dev?: boolean }>
  }
  const needed = Object.entries(packages).filter(([path, { dev }]) => path !== '' && dev !== true)
  for (const [path, { version }] of needed) {
    const installed = manifestIn(join(root, path)).version
    if (installed !== version) {
      throw new Error(`${path} is ${installed}, not ${version}: run npm ci.`)
    }
  }
  return needed.map(([path]) => path)
}

/** Without the packages in it: those that are needed are copied themselves. */
function copyPackage(path: string, stage: string): void {
  const from = join(root, path)
  cpSync(from, join(stage, path), {
    recursive: true,
    filter: (file) => file === from || basename(file) !== 'node_modules'
  })
}

/** What npm lists, and what is part of our own scripts for the browser. */
function sbomOf(stage: string): string {
  const listed = npm(stage, 'sbom', '--sbom-format=cyclonedx', '--sbom-type=library')
  const sbom = JSON.parse(listed) as {
    metadata: { component: { name: string } }
    components: { name: string }[]
  }
  // npm says the name of the directory.
  sbom.metadata.component.name = manifestIn(stage).name
  const names = bundledPackages().filter((name) =>
    sbom.components.every((component) => component.name !== name)
  )
  const components = names.map((name) => {
    const { version, license } = manifestIn(join(root, 'node_modules', name))
    const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`
    return { type: 'library', name, version, purl, licenses: [{ license: { id: license } }] }
  })
  return `${JSON.stringify({ ...sbom, components: [...sbom.components, ...components] }, null, 2)}\n`
}

function pack(directory: string, ...options: string[]): PackedFile {
  const [file] = JSON.parse(
    npm(directory, 'pack', '--json', '--ignore-scripts', ...options)
  ) as PackedFile[]
  if (file === undefined) throw new Error('npm pack lists no file.')
  return file
}

interface PackedFile {
  filename: string
  files: { path: string }[]
}

function manifestIn(directory: string): Manifest {
  return JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as Manifest
}

function npm(cwd: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync('npm', args, {
    cwd,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    shell: process.platform === 'win32'
  })
  if (status !== 0) throw new Error(`npm ${args.join(' ')} failed:\n${stderr}`)
  return stdout
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const file of Object.values(packOffline(process.argv[2] ?? process.cwd()))) console.log(file)
}
