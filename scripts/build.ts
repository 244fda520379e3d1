/**
 * Builds what Node-RED loads: `dist/` (runtime, forms, icons, locales) and `resources/` (one script
 * for each form). Node-RED expects a node's form, icons and locales beside its `.js` file.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { charsetNames } from '../src/hl7/charset.ts'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
process.chdir(root)

rmSync('dist', { recursive: true, force: true })
rmSync('resources', { recursive: true, force: true })

const tsc = join('node_modules', 'typescript', 'bin', 'tsc')
for (const project of ['tsconfig.build.json', 'tsconfig.editor.json']) {
  const { status } = spawnSync(process.execPath, [tsc, '-p', project], { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}

const forms = readdirSync('nodes').filter((file) => file.endsWith('.html'))
for (const form of forms) cpSync(join('nodes', form), join('dist', 'nodes', form))
await build({
  entryPoints: forms.map((form) => join('nodes', 'editor', form.replace('.html', '.ts'))),
  outdir: 'resources',
  bundle: true,
  format: 'esm',
  target: 'es2023',
  charset: 'utf8',
  minify: true,
  // The forms need only the names of iconv-lite's character sets, not the tables.
  define: { CHARSET_NAMES: JSON.stringify(charsetNames()) },
  logLevel: 'warning'
})
for (const [from, to] of [
  ['nodes/locales', 'dist/nodes/locales'],
  ['icons', 'dist/nodes/icons']
] as const) {
  if (existsSync(from)) cpSync(from, to, { recursive: true })
}
