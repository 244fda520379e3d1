import { spawnSync } from 'node:child_process'
import { globSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Builds what Node-RED loads, if it is missing or older than its sources.
 *
 * @param root the directory of the package
 * @throws {Error} if the build fails; the compiler has printed why
 */
export function buildIfNeeded(root: string): void {
  const folders = ['src', 'nodes', 'locales', 'icons', 'scripts'].map((folder) => `${folder}/**/*`)
  const sources = [...folders, 'tsconfig*.json']
  const built = modified(root, ['dist/nodes/*.js'])
  if (built.length > 0 && Math.max(...modified(root, sources)) <= Math.min(...built)) return

  console.log('Building …')
  const build = spawnSync(process.execPath, [join(root, 'scripts', 'build.ts')], {
    stdio: 'inherit'
  })
  if (build.status !== 0) {
    // The next start would take an incomplete build for a complete one.
    rmSync(join(root, 'dist'), { recursive: true, force: true })
    throw new Error('The build failed; see the lines above.')
  }
}

/** When each file was last modified, in milliseconds since 1970. */
function modified(root: string, patterns: string[]): number[] {
  return globSync(patterns, { cwd: root }).map((file) => statSync(join(root, file)).mtimeMs)
}
