/**
 * Builds what Node-RED loads: `dist/` (runtime, forms, icons, locales) and `resources/` (editor
 * code). Node-RED looks for a node's form, icons and locales beside the `.js` file that it loads.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
process.chdir(root)

rmSync('dist', { recursive: true, force: true })
rmSync('resources', { recursive: true, force: true })

const tsc = join('node_modules', 'typescript', 'bin', 'tsc')
for (const project of ['tsconfig.build.json', 'tsconfig.editor.json']) {
  const { status } = spawnSync(process.execPath, [tsc, '-p', project], { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}

for (const file of readdirSync('nodes')) {
  if (file.endsWith('.html')) cpSync(join('nodes', file), join('dist', 'nodes', file))
}
for (const [from, to] of [
  ['nodes/locales', 'dist/nodes/locales'],
  ['icons', 'dist/nodes/icons']
] as const) {
  if (existsSync(from)) cpSync(from, to, { recursive: true })
}
