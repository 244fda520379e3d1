import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join, normalize } from 'node:path'
import { describe, it } from 'node:test'
import { page, pages, root } from './markdown.ts'

const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>
}
const all = pages()

/** npm commands that need no script of that name. */
const NPM_COMMANDS = ['audit', 'ci', 'install', 'ls', 'pack', 'publish', 'sbom', 'version']

for (const [file, text] of all) {
  describe(file, () => {
    it('links only to existing pages, headings and pictures', () => {
      const bad = links(text).filter((link) => !leadsSomewhere(file, link))
      assert.deepEqual(bad, [])
    })

    it('names only existing commands', () => {
      assert.deepEqual(missingCommands(code(text)), [])
    })

    it('names only existing files of the repository', () => {
      const bad = inlineCode(text).filter((path) => isPath(path) && !existsSync(join(root, path)))
      assert.deepEqual(bad, [])
    })
  })
}

describe('commands', () => {
  it('in package.json run existing files', () => {
    assert.deepEqual(missingCommands(Object.values(scripts).join('\n')), [])
  })

  it('in .ci/run exist', () => {
    assert.deepEqual(missingCommands(page('.ci/run').replace(/^#.*/gm, '')), [])
  })

  it('in the comments of scripts exist', () => {
    for (const file of globSync(['scripts/*.ts', 'bench/**/*.ts', 'demo/*.ts'], { cwd: root })) {
      const comments = page(file).match(/\/\*\*[^]*?\*\//g) ?? []
      assert.deepEqual(missingCommands(code(comments.join('\n'))), [], file)
    }
  })
})

describe('docs', () => {
  it('has only pages that README.md or the list in docs/README.md links to', () => {
    const linked = ['README.md', 'docs/README.md'].flatMap((file) =>
      links(page(file)).map((link) => normalize(join(dirname(file), link.split('#')[0] ?? '')))
    )
    const own = [...all.keys()].filter((file) => file.startsWith('docs/'))
    assert.deepEqual(
      own.filter((file) => !linked.includes(normalize(file))),
      []
    )
  })

  it('has only pictures that a page shows', () => {
    const shown = [...all].flatMap(([file, text]) =>
      links(text).map((link) => normalize(join(dirname(file), link)))
    )
    const pictures = globSync('docs/images/*', { cwd: root })
    assert.deepEqual(
      pictures.filter((picture) => !shown.includes(normalize(picture))),
      []
    )
  })
})

describe('the examples that a page names in the Import menu', () => {
  it('exist', () => {
    const names = globSync('examples/*.json', { cwd: root }).map((file) => basename(file, '.json'))
    for (const [file, text] of all) {
      // "*Menu → Import → Examples → …*" and the list after "Examples*:".
      const named = [
        ...[...text.matchAll(/Examples → (?:flows → )?(?:@[\w/-]+ → )?([^*]+)\*/g)].map(
          ([, name]) => name
        ),
        ...[...text.matchAll(/Examples\*: ([^\n]+)/g)].flatMap(([, list = '']) =>
          [...list.matchAll(/\*([^*]+)\*/g)].map(([, name]) => name)
        )
      ]
      for (const name of named) assert.ok(names.includes(name ?? ''), `${file}: ${name ?? ''}`)
    }
  })
})

/** Targets of links and pictures, except in code. */
function links(text: string): string[] {
  const prose = text.replace(/^```[^]*?^```/gm, '').replace(/`[^`\n]*`/g, '')
  return [
    ...[...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target ?? ''),
    ...[...prose.matchAll(/<(?:img|a)\b[^>]*\b(?:src|href)="([^"]+)"/g)].map(([, to]) => to ?? '')
  ]
}

function leadsSomewhere(file: string, link: string): boolean {
  // Other sites cannot be checked here, but must have a complete address.
  if (/^[a-z]+:/.test(link)) return /^(?:https|mailto):/.test(link) && URL.canParse(link)
  const [path = '', anchor] = link.split('#')
  const target = path === '' ? file : normalize(join(dirname(file), decodeURI(path)))
  if (target.startsWith('..') || !existsSync(join(root, target))) return false
  return anchor === undefined || headings(page(target)).includes(anchor)
}

/** The anchors that GitHub gives to the headings of a page. */
function headings(text: string): string[] {
  const seen = new Map<string, number>()
  const prose = text.replace(/^```[^]*?^```/gm, '')
  return [...prose.matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) => {
    const slug = heading
      .trim()
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M}_ -]/gu, '')
      .replaceAll(' ', '-')
    const before = seen.get(slug) ?? 0
    seen.set(slug, before + 1)
    return before === 0 ? slug : `${slug}-${before}`
  })
}

/** All code in a page, in blocks and inline. */
function code(text: string): string {
  const blocks = [...text.matchAll(/^```\w*\n([^]*?)^```/gm)].map(([, block]) => block ?? '')
  return [...blocks, ...inlineCode(text)].join('\n')
}

function inlineCode(text: string): string[] {
  const prose = text.replace(/^```[^]*?^```/gm, '')
  return [...prose.matchAll(/`([^`\n]+)`/g)].map(([, inline]) => inline ?? '')
}

/** Whether it is a path in the repository, such as `src/hl7/` or `.ci/run`. */
function isPath(text: string): boolean {
  return /^(?:\.ci|bench|demo|docs|examples|icons|nodes|scripts|src|test)\/[\w./ ()-]*$/.test(text)
}

/** Uses of `npm run` without a script of that name, and of `node` without such a file. */
function missingCommands(text: string): string[] {
  const run = [...text.matchAll(/\bnpm run ([\w:-]+)/g)].map(([, name]) => name ?? '')
  const short = [...text.matchAll(/\bnpm ([a-z][\w-]*)/g)]
    .map(([, name]) => name ?? '')
    .filter((name) => name !== 'run' && !NPM_COMMANDS.includes(name))
  const files = [...text.matchAll(/\bnode (?:--[\w=-]+ )*((?:[\w-]+\/)*[\w-]+\.[jt]s)\b/g)].map(
    ([, file]) => file ?? ''
  )
  return [
    ...[...run, ...short]
      .filter((name) => scripts[name] === undefined)
      .map((name) => `npm run ${name}`),
    ...files
      .filter((file) => !existsSync(join(root, file)) || !statSync(join(root, file)).isFile())
      .map((file) => `node ${file}`)
  ]
}
