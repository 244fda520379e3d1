/**
 * Builds what Node-RED loads: `dist/` (runtime, forms, sidebar tab, page, icons, locales) and `resources/`
 * (one script for each form and one for the tab, and their styles). Node-RED expects the form, icons and locales of a node
 * or plugin beside its `.js` file. Types are checked by `npm run check`, not here. `--missing` lists the texts that
 * a language lacks.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type BuildOptions } from 'esbuild'
import { charsetNames } from '../src/hl7/charset.ts'
import { formPage, NODE_TYPES, type NodeTypeName } from './form-page.ts'
import { helpPage } from './help.ts'
import { hl7ParserPlugin } from './hl7-parser-plugin.ts'
import { editorsTextsPlugin, oneChunkPlugin } from './runtime-plugins.ts'
import { builtTexts, type CatalogueName, missingKeys, ownTexts, textsOf } from './texts.ts'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
process.chdir(root)

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }

rmSync('dist', { recursive: true, force: true })
rmSync('resources', { recursive: true, force: true })

// One file in place of 240, and those that are loaded when somebody needs them: each file that has to be found and read
// makes the start of Node-RED longer by half a millisecond. All are in one directory, so that relative paths mean the same
// everywhere.
const start = 'nodes/start.ts'
const thread = 'src/queue/queue-worker.ts'
const runtime: BuildOptions = {
  entryPoints: { 'hl7-https-out': start, 'queue-worker': thread },
  outdir: 'dist/nodes',
  bundle: true,
  splitting: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  target: 'node22.21',
  // V8 reads ASCII faster. Names stay, for the stack of an error.
  charset: 'ascii',
  minifyWhitespace: true,
  minifySyntax: true,
  sourcemap: 'external',
  plugins: [editorsTextsPlugin],
  define: { PACKAGE_VERSION: JSON.stringify(version) },
  logLevel: 'warning',
  // A text that stands twice is one that nobody reads.
  logOverride: { 'duplicate-object-key': 'error' }
}
const oneChunk = await oneChunkPlugin(runtime, start, thread)
await build({ ...runtime, plugins: [editorsTextsPlugin, oneChunk] })
writeFileSync(
  'dist/nodes/oauth2-client-credentials.js',
  "export { tokenNode as default } from './hl7-https-out.js'\n"
)
mkdirSync('dist/nodes/operations')
writeFileSync(
  'dist/nodes/operations/sidebar.js',
  "export { sidebar as default } from '../hl7-https-out.js'\n"
)

const pages = ['nodes', 'nodes/operations'].flatMap((directory) =>
  readdirSync(directory)
    .filter((file) => file.endsWith('.html'))
    .map((file) => join(directory, file))
)
for (const page of pages) cpSync(page, join('dist', page))
const types = Object.keys(NODE_TYPES) as NodeTypeName[]
for (const type of types) {
  writeFileSync(join('dist', 'nodes', `${type}.html`), formPage(type))
}
await build({
  entryPoints: [
    ...types.map((type) => join('nodes', 'editor', `${type}.ts`)),
    join('nodes', 'editor', 'form.css'),
    join('nodes', 'editor', 'sidebar.ts'),
    join('nodes', 'editor', 'sidebar.css')
  ],
  outdir: 'resources',
  bundle: true,
  // What forms and tab share stands once; the import is loaded when somebody asks for it.
  splitting: true,
  format: 'esm',
  // Of browsers, those that do not know nested styles.
  target: ['es2023', 'chrome111', 'firefox115', 'safari16'],
  charset: 'utf8',
  minify: true,
  sourcemap: 'external',
  plugins: [hl7ParserPlugin],
  define: {
    // The forms need only the names of iconv-lite's character sets, not the tables.
    CHARSET_NAMES: JSON.stringify(charsetNames()),
    PACKAGE_VERSION: JSON.stringify(version)
  },
  logLevel: 'warning'
})
const languages = readdirSync('locales')
const writeTexts = (path: string, texts: object): void => {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(`${path}.json`, JSON.stringify(texts))
}
for (const language of languages) {
  const locale = join('locales', language)
  for (const type of types) {
    const built = join('dist/nodes', locale, type)
    writeTexts(built, builtTexts(type, language))
    writeFileSync(`${built}.html`, helpPage(type, language))
  }
  writeTexts(join('dist/nodes/operations', locale, 'sidebar'), builtTexts('sidebar', language))
  if (!process.argv.includes('--missing')) continue
  for (const name of [...types, 'sidebar'] satisfies CatalogueName[]) {
    const missing = missingKeys(textsOf(name), ownTexts(name, language), language)
    if (missing.length === 0) continue
    console.log(`${language} says in English: ${name} ${missing.join(', ')}`)
  }
}

// The page. A route serves it: without the editor, Node-RED serves no resources.
await build({
  entryPoints: [
    { out: 'page', in: 'nodes/operations/page/own/page.ts' },
    { out: 'page', in: 'nodes/operations/page/own/page.css' }
  ],
  outdir: 'dist/nodes/page',
  bundle: true,
  format: 'esm',
  target: 'es2023',
  charset: 'utf8',
  minify: true,
  sourcemap: 'external',
  plugins: [hl7ParserPlugin],
  define: {
    LANGUAGES: JSON.stringify(
      Object.fromEntries(
        languages.map((language) => {
          const { login, trouble } = textsOf('sidebar', language)
          return [language, { noNodeRed: trouble?.['noNodeRed'], again: login?.['again'] }]
        })
      )
    ),
    PACKAGE_VERSION: JSON.stringify(version)
  },
  logLevel: 'warning'
})
cpSync('nodes/operations/page/own/index.html', 'dist/nodes/page/index.html')
cpSync('icons', 'dist/nodes/icons', { recursive: true })
