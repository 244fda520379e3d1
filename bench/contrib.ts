import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const VERSION = '6.2.1'
const cache = fileURLToPath(new URL('.cache', import.meta.url))
const directory = join(cache, 'node_modules', 'node-red-contrib-oauth2')

/**
 * The package that people use for tokens today. It is installed when first needed, because its
 * 14 MB are of no other use. `undefined` if the registry does not answer.
 */
export function contribDirectory(): { directory: string; version: string } | undefined {
  if (!existsSync(directory)) {
    mkdirSync(cache, { recursive: true })
    const name = `node-red-contrib-oauth2@${VERSION}`
    const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-save', '--prefix', cache]
    spawnSync('npm', ['install', ...options, name], { stdio: 'inherit' })
  }
  if (!existsSync(directory)) return undefined
  const { version } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as {
    version: string
  }
  return { directory: join(directory, 'src'), version }
}
