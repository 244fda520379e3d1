import assert from 'node:assert/strict'
import { globSync, readFileSync, rmSync, statSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join, posix } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { merged } from '../../nodes/operations/merged-texts.ts'
import { builtTexts, textsOf } from '../../scripts/texts.ts'
import { RULE_WORDS } from '../../nodes/rules/reply-rule-words.ts'
import { english } from '../../src/english.ts'
import { helpPage } from '../../scripts/help.ts'
import { adt, startWorld, type World } from '../support/world.ts'
import { installPackage, type InstalledPackage } from './install.ts'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const NAME = '@hl7-https/node-red-hl7-https-out'
const TYPES = ['hl7-https-out', 'oauth2-client-credentials'] as const

/** In bytes: what was measured, and room for the texts that languages lack. They go down, not up. README.md states them. */
const MAX_PACKED = 620_000
const MAX_UNPACKED = 2_200_000
// Most of it is dependencies, of which the newest versions are installed.
const MAX_INSTALLED = 8_000_000
const MAX_PACKAGES = 40

/** What Node-RED loads, and the thread of the queue files; and what these share. */
const SCRIPTS = [...TYPES, 'operations/sidebar', 'queue-worker']
const SHARED = /^(?:dist\/nodes\/(?:page\/)?|resources\/)[\w-]+-[A-Z\d]{8}\.js$/

/** Licenses that require at most attribution. */
const PERMISSIVE = ['MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0', '0BSD', 'CC0-1.0']

interface Manifest {
  name: string
  version: string
  license?: string
  scripts?: Record<string, string>
  dependencies?: Record<string, string>
  gypfile?: boolean
}

describe('the published package', () => {
  let installed: InstalledPackage
  before(() => {
    installed = installPackage(NAME)
  })
  after(() => {
    rmSync(installed.directory, { recursive: true, force: true })
  })
  const text = (file: string): string => readFileSync(join(installed.path, file), 'utf8')
  /** The manifests of all installed packages, including this one. */
  const manifests = (): Manifest[] =>
    find('**/node_modules/{*,@*/*}/package.json', installed.userDir).map(
      (file) => JSON.parse(readFileSync(join(installed.userDir, file), 'utf8')) as Manifest
    )

  it('contains what Node-RED loads, the examples and what npm requires, and nothing else', () => {
    const pages = find('nodes/{,operations/}*.html', root)
    const expected = [
      ...['LICENSE', 'README.md', 'docs/licenses.md', 'package.json'],
      ...find('examples/*.json', root),
      ...find('icons/*', root).map((file) => `dist/nodes/${file}`),
      ...pages.map((file) => `dist/${file}`),
      ...find('locales/*', root).flatMap((locale) =>
        TYPES.flatMap((type) => [
          `dist/nodes/${locale}/${type}.html`,
          `dist/nodes/${locale}/${type}.json`
        ])
      ),
      ...find('locales/*/sidebar.json', root).map((file) => `dist/nodes/operations/${file}`),
      ...SCRIPTS.map((file) => `dist/nodes/${file}.js`),
      ...[...TYPES, 'sidebar'].map((name) => `resources/${name}.js`),
      ...['resources/form.css', 'resources/sidebar.css'],
      ...['index.html', 'page.css', 'page.js'].map((file) => `dist/nodes/page/${file}`)
    ]
    const own = installed.files.filter((file) => !SHARED.test(file))
    assert.deepEqual(own, expected.sort())
  })

  /** What the scripts import: paths within the package, and names of packages. */
  const imports = async (): Promise<{ own: string[]; packages: string[] }> => {
    const scripts = installed.files.filter((file) => file.endsWith('.js'))
    const { metafile } = await build({
      absWorkingDir: installed.path,
      entryPoints: scripts,
      outdir: 'unused',
      bundle: true,
      splitting: true,
      write: false,
      metafile: true,
      platform: 'node',
      format: 'esm',
      packages: 'external',
      logLevel: 'silent'
    })
    const all = Object.values(metafile.inputs).flatMap((input) => input.imports)
    const urls = scripts.flatMap((file) =>
      [...text(file).matchAll(/\bnew URL\(['"](\.[^'"]+)['"], import\.meta/g)].map(([, path]) =>
        posix.join(posix.dirname(file), path ?? '')
      )
    )
    const required = scripts.flatMap((file) =>
      [...text(file).matchAll(/\bcreateRequire\(import\.meta\.url\)\("([^"]+)"\)/g)].map(
        ([, name = '']) => name
      )
    )
    return {
      own: [...urls, ...all.filter(({ external }) => external !== true).map(({ path }) => path)],
      packages: [
        ...required,
        ...all.filter(({ external }) => external === true).map(({ path }) => path)
      ]
    }
  }

  it('has the files with which the other tests run, byte for byte', () => {
    for (const file of installed.files) {
      const packed = readFileSync(join(installed.path, file))
      assert.ok(packed.equals(readFileSync(join(root, file))), file)
    }
  })

  it('contains every file that another one imports, and no other', async () => {
    const { own } = await imports()
    assert.deepEqual(
      own.filter((path) => !installed.files.includes(path)),
      []
    )
    const shared = installed.files.filter((file) => SHARED.test(file))
    assert.ok(shared.length > 0)
    assert.deepEqual(
      shared.filter((file) => !own.includes(file)),
      []
    )
  })

  it('imports exactly the packages that it declares as dependencies, which the documentation lists', async () => {
    const { dependencies = {} } = JSON.parse(text('package.json')) as Manifest
    const names = (await imports()).packages
      .filter((path) => !isBuiltin(path))
      .map((path) => /^(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? '')
    assert.deepEqual([...new Set(names)].sort(), Object.keys(dependencies).sort())
    const page = readFileSync(join(root, 'docs', 'architecture.md'), 'utf8')
    const table = /^## Dependencies\n\n((?:\|.*\n)+)/m.exec(page)?.[1] ?? ''
    const listed = [...table.matchAll(/^\| ([a-z][\w-]*) \|/gm)].map(([, name]) => name ?? '')
    assert.deepEqual(listed.slice(1).sort(), Object.keys(dependencies).sort())
  })

  it('contains no source maps, no paths of the build machine and no keys', () => {
    for (const file of installed.files) {
      const content = text(file)
      assert.doesNotMatch(content, /sourceMappingURL/, file)
      assert.doesNotMatch(content, /-----BEGIN [A-Z ]*PRIVATE KEY-----\\?[rn\s]+[\w+/]{20}/, file)
      assert.ok(!content.includes(root), file)
    }
  })

  it('is small', (t) => {
    const files = find('node_modules/**', installed.userDir)
    const installedSize = files
      .map((file) => statSync(join(installed.userDir, file)))
      .reduce((sum, stat) => sum + (stat.isFile() ? stat.size : 0), 0)
    const packages = manifests().length
    const { packedSize, unpackedSize } = installed
    t.diagnostic(
      `packed ${packedSize} bytes, unpacked ${unpackedSize}, installed ${installedSize} in ${packages} packages`
    )
    assert.ok(packedSize < MAX_PACKED, `packed: ${packedSize} bytes`)
    assert.ok(unpackedSize < MAX_UNPACKED, `unpacked: ${unpackedSize} bytes`)
    assert.ok(installedSize < MAX_INSTALLED, `installed: ${installedSize} bytes`)
    assert.ok(packages < MAX_PACKAGES, `${packages} packages`)
  })

  it('runs no scripts and compiles nothing when it is installed, nor do its dependencies', () => {
    const own = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest
    assert.equal(own.scripts?.['prepare'], undefined, 'an install from git would run it')
    for (const { name, scripts = {}, gypfile } of manifests()) {
      for (const script of ['preinstall', 'install', 'postinstall']) {
        assert.equal(scripts[script], undefined, `${name}: ${script}`)
      }
      assert.notEqual(gypfile, true, name)
    }
    assert.deepEqual(find('**/{*.node,binding.gyp}', installed.userDir), [])
  })

  it('depends only on packages with permissive licenses', () => {
    const others = manifests().filter(
      ({ license = '' }) =>
        !license
          .replace(/^\((.+)\)$/, '$1')
          .split(' OR ')
          .some((one) => PERMISSIVE.includes(one))
    )
    assert.deepEqual(
      others.map(({ name, license }) => `${name}: ${license ?? 'none'}`),
      []
    )
  })

  describe('in a Node-RED without other packages', () => {
    const languages = find('locales/*', root).map((path) => posix.basename(path))
    let world: World
    before(async () => {
      world = await startWorld({ userDir: installed.userDir })
    })
    after(() => world.close())

    /** Requests what the editor would. */
    async function get(path: string, accept = '*/*', language = 'en-US'): Promise<string> {
      const headers = { Accept: accept, 'Accept-Language': language }
      const response = await fetch(`${world.nodeRed.url}${path}`, { headers })
      assert.equal(response.status, 200, path)
      return response.text()
    }

    it('adds both nodes, without errors', async () => {
      const all = JSON.parse(await get('/nodes', 'application/json')) as {
        module: string
        version: string
        types: string[]
        enabled: boolean
        err?: unknown
      }[]
      const own = all.filter(({ module }) => module === NAME)
      const { version } = JSON.parse(text('package.json')) as Manifest
      assert.deepEqual(own.flatMap(({ types }) => types).sort(), TYPES)
      for (const set of own) {
        assert.equal(set.enabled, true)
        assert.equal(set.err, undefined)
        assert.equal(set.version, version)
      }
    })

    it('brings the sidebar tab: its code, and its texts', async () => {
      const all = JSON.parse(await get('/plugins', 'application/json')) as Record<string, unknown>[]
      const [plugin, ...others] = all.filter(({ module }) => module === NAME)
      assert.deepEqual(others, [])
      assert.equal(plugin?.['id'], `${NAME}/sidebar`)
      assert.equal(plugin['enabled'], true)
      assert.equal(plugin['err'], undefined)
      const html = await get('/plugins', 'text/html')
      const path = `resources/${NAME}/sidebar.js`
      assert.ok(html.includes(`<script src="${path}" type="module"></script>`))
      const code = await get(`/${path}`)
      const shared = [...code.matchAll(/from ?"\.\/(chunk-\w+\.js)"/g)].map(([, file]) => file)
      for (const file of shared) await get(`/resources/${NAME}/${file}`)
      for (const path of find('locales/*', root)) {
        const messages = await get(`/plugins/messages?lng=${posix.basename(path)}`)
        const texts = JSON.parse(messages) as Record<string, unknown>
        const language = posix.basename(path)
        assert.deepEqual(texts[`${NAME}/sidebar`], textsOf('sidebar', language), path)
      }
    })

    it('serves the page, with its texts in each language', async () => {
      const page = await get('/hl7-https-out/page')
      for (const [, file = ''] of page.matchAll(/(?:src|href)="(page\/[^"]+)"/g)) {
        assert.ok((await get(`/hl7-https-out/${file}`)).length > 1000, file)
      }
      for (const language of languages) {
        const texts = JSON.parse(await get(`/hl7-https-out/page/${language}.json`)) as {
          tab: unknown
          rules: Record<string, unknown>
        }
        assert.deepEqual(texts.tab, textsOf('sidebar', language))
        const form = textsOf('hl7-https-out', language)
        assert.deepEqual(Object.keys(texts.rules), [...RULE_WORDS])
        for (const part of RULE_WORDS) assert.deepEqual(texts.rules[part], form[part])
      }
      for (const file of ['xx.json', '..%2Flocales%2Fde%2Fhl7-https-out.json', 'de.JSON']) {
        const { status } = await fetch(`${world.nodeRed.url}/hl7-https-out/page/${file}`)
        assert.equal(status, 404, file)
      }
    })

    it('shows its own icon', async () => {
      // Node-RED replaces a missing icon by an arrow.
      const icon = readFileSync(join(root, 'icons', 'hl7-https-out.svg'), 'utf8')
      assert.equal(await get(`/icons/${NAME}/hl7-https-out.svg`), icon)
    })

    for (const type of TYPES) {
      it(`has the form and help of ${type}`, async () => {
        const html = await get(`/nodes/${NAME}/${type}`, 'text/html')
        assert.match(html, new RegExp(`data-template-name="${type}"`))
        assert.match(html, new RegExp(`registerType\\('${type}'`))
        assert.match(html, new RegExp(`data-help-name="${type}"`))
      })

      for (const language of languages) {
        it(`has the labels and help of ${type} in ${language}`, async () => {
          const labels = await get(`/locales/${NAME}/${type}?lng=${language}`)
          const [english, own] = ['en-US', language].map((one) => builtTexts(type, one))
          assert.deepEqual(JSON.parse(labels), merged(english ?? {}, own ?? {}))
          const html = await get(`/nodes/${NAME}/${type}`, 'text/html', language)
          assert.ok(html.includes(helpPage(type, language).trim()))
        })
      }

      it(`serves the script of the form of ${type}, all that it shares with others, and the import`, async () => {
        const html = await get(`/nodes/${NAME}/${type}`, 'text/html')
        const [, path = ''] = /<script src="([^"]+)" type="module">/.exec(html) ?? []
        const files = new Map<string, string>()
        const load = async (file: string): Promise<void> => {
          if (files.has(file)) return
          files.set(file, '')
          const own = await get(file)
          files.set(file, own)
          for (const [, other = ''] of own.matchAll(/["'](\.\/[\w-]+\.js)["']/g)) {
            await load(posix.join(posix.dirname(file), other))
          }
        }
        await load(`/${path}`)
        const names = [...files.keys()].map((file) => posix.basename(file))
        assert.ok(names.some((name) => name.startsWith('import-form-')))
        const code = [...files.values()].join('\n')
        assert.ok(code.length > 100_000)
        // Those of the runtime, which would double its size.
        assert.ok(!code.includes(english('log', 'log.noneRetried')), 'English texts')
      })
    }

    it('offers the examples for import', async () => {
      const listed = JSON.parse(await get(`/library/examples/flows/${NAME}`)) as { fn: string }[]
      const files = find('examples/*.json', root).map((file) => posix.basename(file, '.json'))
      assert.deepEqual(listed.map(({ fn }) => fn).sort(), files.sort())
      for (const name of files) {
        const flow = await get(`/library/examples/flows/${NAME}/${encodeURIComponent(name)}`)
        const file = join(root, 'examples', `${name}.json`)
        assert.deepEqual(JSON.parse(flow), JSON.parse(readFileSync(file, 'utf8')))
      }
    })

    it('sends a message with a token, through the queue on disk', async () => {
      await world.deploy({ queue: 'disk' })
      await world.nodeRed.inject('in', { payload: adt('PACKED1') })
      const [message] = await world.nodeRed.waitForMessages('ack')
      assert.equal((message?.['hl7'] as { controlId: string } | undefined)?.controlId, 'PACKED1')
      assert.deepEqual(find('hl7-https-out/*.sqlite', installed.userDir).length, 1)
    })
  })
})

/** Paths with `/` as separator, sorted. */
function find(pattern: string, cwd: string): string[] {
  return globSync(pattern, { cwd })
    .map((file) => file.replaceAll('\\', '/'))
    .sort()
}
