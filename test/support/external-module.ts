import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

/**
 * Installs a module that function nodes import in a user directory, as Node-RED would install it
 * from the registry at the first deploy.
 *
 * @param userDir an empty directory, for a Node-RED that has not started yet
 * @param name a development dependency of this package
 */
export function installExternalModule(userDir: string, name: string): void {
  const main = createRequire(import.meta.url).resolve(name)
  const folder = join('node_modules', name)
  const directory = main.slice(0, main.lastIndexOf(folder) + folder.length)
  const manifest = readFileSync(join(directory, 'package.json'), 'utf8')
  const { version } = JSON.parse(manifest) as { version: string }
  mkdirSync(join(userDir, 'node_modules'), { recursive: true })
  symlinkSync(directory, join(userDir, 'node_modules', name), 'junction')
  writeFileSync(
    join(userDir, 'package.json'),
    JSON.stringify({ name: 'node-red-project', private: true, dependencies: { [name]: version } })
  )
}
