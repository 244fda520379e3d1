import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const json = (path: string): unknown => JSON.parse(read(path))

const manifest = json('package.json') as {
  name: string
  license: string
  keywords: string[]
  repository: { type: string; url: string }
  bugs: { url: string }
  engines: { node: string }
  dependencies: Record<string, string>
  'node-red': { version: string; nodes: Record<string, string> }
}

/** What the Flow Library finds in the file of a form, whose code it reads but does not run. */
interface Definition {
  type: string
  /** Values of properties that are literals. */
  literals: Map<string, string>
  /** Property names of properties that are object literals. */
  objects: Map<string, string[]>
}

/**
 * The rules of the Flow Library's scorecard (`node-red-dev validate`, rules P01 to P08, N01, N02,
 * D01 to D03), except those that need its catalogue.
 */
describe("the Flow Library's scorecard", () => {
  const nodes = Object.entries(manifest['node-red'].nodes)
  const definitions = nodes.map(([, file]) => definition(file.replace('.js', '.html')))

  it('finds license, repository, bugs page, keyword and a scoped name', () => {
    assert.equal(manifest.license, 'MIT')
    assert.match(read('LICENSE'), /^MIT License/)
    assert.match(manifest.repository.url, /^git\+https:\/\/[^@]+\.git$/)
    assert.match(manifest.bugs.url, /^https:/)
    assert.ok(manifest.keywords.includes('node-red'))
    assert.match(manifest.name, /^@[a-z\d][\w.-]+\/node-red-[a-z\d][\w.-]*$/)
  })

  it('finds versions of Node-RED and Node.js that suit the current Node-RED', () => {
    const nodeRed = json('node_modules/node-red/package.json') as {
      version: string
      engines: { node: string }
    }
    assert.equal(manifest['node-red'].version, '>=4.1.0')
    assert.ok(atLeast(nodeRed.version, manifest['node-red'].version.slice(2)))
    // Of the oldest line of Node.js that the current Node-RED allows (the scorecard wants its oldest
    // version), the first version that is tested: see src/node-version.ts.
    const [oldest = '0'] = /\d+/.exec(nodeRed.engines.node) ?? []
    assert.equal(manifest.engines.node, `^${oldest}.21 || >=24.5`)
  })

  it('finds at most six dependencies, all from the registry', () => {
    const dependencies = Object.entries(manifest.dependencies)
    assert.ok(dependencies.length <= 6, `${dependencies.length} dependencies`)
    for (const [name, range] of dependencies) assert.match(range, /^\^\d+\.\d+\.\d+$/, name)
  })

  it('finds each node registered with literals', () => {
    assert.deepEqual(
      definitions.map(({ type }) => type),
      nodes.map(([type]) => type)
    )
    for (const { type, literals, objects } of definitions) {
      assert.ok(literals.get('category'), `${type}: category`)
      assert.ok((objects.get('defaults') ?? []).includes('name'), `${type}: defaults`)
      assert.ok((objects.get('credentials') ?? []).includes('secret1'), `${type}: credentials`)
      if (literals.get('category') === 'config') continue
      for (const property of ['color', 'icon', 'inputs', 'outputs']) {
        assert.ok(literals.get(property), `${type}: ${property}`)
      }
    }
  })

  it('finds each node in an example', () => {
    const used = globSync('examples/*.json', { cwd: root })
      .flatMap((file) => json(file) as { type: string }[])
      .map(({ type }) => type)
    for (const [type] of nodes) assert.ok(used.includes(type), type)
  })

  it('finds no node type of Node-RED itself', () => {
    const core = globSync('node_modules/@node-red/nodes/core/**/*.html', { cwd: root })
    const types = core.flatMap((file) =>
      [...read(file).matchAll(/registerType\(\s*['"]([^'"]+)['"]/g)].map(([, type]) => type)
    )
    assert.ok(types.includes('http request'))
    for (const [type] of nodes) assert.ok(!types.includes(type), type)
  })

  it('finds no dependency with known problems', () => {
    const { packages } = json('package-lock.json') as {
      packages: Record<string, { version?: string; dev?: boolean }>
    }
    // agent-base below 6 changes node:https for the whole process.
    const bad = Object.entries(packages).filter(
      ([path, { dev, version = '0' }]) =>
        dev !== true && path.endsWith('node_modules/agent-base') && !atLeast(version, '6.0.0')
    )
    assert.deepEqual(bad, [])
  })
})

/** The only `registerType` in the file of a form, as a parser sees it. */
function definition(file: string): Definition {
  const [, code = ''] = /<script type="text\/javascript">([^]*?)<\/script>/.exec(read(file)) ?? []
  const source = ts.createSourceFile(file, code, ts.ScriptTarget.Latest, true)
  const found: Definition[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && node.expression.getText().endsWith('.registerType')) {
      const [type, properties] = node.arguments
      assert.ok(type && ts.isStringLiteral(type), `${file}: the type is a literal`)
      assert.ok(
        properties && ts.isObjectLiteralExpression(properties),
        `${file}: the definition is inline`
      )
      found.push({ type: type.text, ...members(properties) })
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  const [only, ...others] = found
  assert.ok(only && others.length === 0, `${file} registers one type`)
  return only
}

function members(properties: ts.ObjectLiteralExpression): Omit<Definition, 'type'> {
  const literals = new Map<string, string>()
  const objects = new Map<string, string[]>()
  for (const property of properties.properties) {
    if (!ts.isPropertyAssignment(property)) continue
    const name = property.name.getText()
    const { initializer: value } = property
    if (ts.isStringLiteral(value) || ts.isNumericLiteral(value)) literals.set(name, value.text)
    if (ts.isObjectLiteralExpression(value)) {
      objects.set(
        name,
        value.properties.map((member) => member.name?.getText() ?? '')
      )
    }
  }
  return { literals, objects }
}

/** Whether a version is the same as the other or newer; missing parts are zero. */
function atLeast(version: string, other: string): boolean {
  const [a, b] = [version, other].map((text) => text.split('.').map(Number))
  for (let place = 0; place < 3; place++) {
    const difference = (a?.[place] ?? 0) - (b?.[place] ?? 0)
    if (difference !== 0) return difference > 0
  }
  return true
}
