import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * `slow-sync` is a disk that is slow; `failing-sync` one that does not write all files; `disk-recorder` records what a
 * program does to the disk, and can lie to it. What their environment variables mean stands in their sources.
 */
export type PreloadName = 'slow-sync' | 'failing-sync' | 'disk-recorder'

/** Libraries that change how the disk looks to a program. */
export interface Preloads {
  /** The environment that lets a program load some of them; what the first one does, it does by the next one. */
  environment: (...names: PreloadName[]) => { LD_PRELOAD: string }
  remove: () => void
}

/** Compiles them. @returns why that is not possible, where it is not */
export function compilePreloads(...names: PreloadName[]): Preloads | string {
  if (process.platform !== 'linux') return 'libraries are preloaded on Linux only'
  const directory = mkdtempSync(join(tmpdir(), 'preload-'))
  const remove = (): void => {
    rmSync(directory, { recursive: true })
  }
  const pathOf = (name: PreloadName): string => join(directory, `${name}.so`)
  for (const name of names) {
    const source = join(import.meta.dirname, `${name}.c`)
    const options = ['-shared', '-fPIC', '-O2', '-Wall', '-Werror', '-o', pathOf(name), source]
    const { error, status, stderr } = spawnSync('cc', options, { encoding: 'utf8' })
    if (status === 0) continue
    remove()
    if (error === undefined) throw new Error(stderr)
    return 'there is no C compiler, cc'
  }
  return { environment: (...some) => ({ LD_PRELOAD: some.map(pathOf).join(':') }), remove }
}
