/**
 * `npm run licences` writes docs/licences.md: what is installed with this package, and under which
 * licence. A test fails where the page is not what this writes.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** A package of the lock file. */
interface LockedPackage {
  version: string
  license?: string
  dev?: boolean
  dependencies?: Record<string, string>
}

if (import.meta.main) writeFileSync(join(root, 'docs', 'licences.md'), licencePage())

/** The page, from the lock file. */
export function licencePage(): string {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, LockedPackage>
  }
  const needed = Object.entries(packages).filter(([path, { dev }]) => path !== '' && dev !== true)
  const direct = packages['']?.dependencies ?? {}
  const rows = needed.map(([path, { version, license = 'none' }]) => {
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
    const shown = name in direct ? `**${name}**` : name
    return `| ${shown} | ${version} | ${license} |`
  })
  return `# Licences

This package is under the MIT licence. It contains no code of others; npm installs these packages with it, each with its own licence text. The ones in bold are those that it names itself, the others come with them. The versions are those that it is tested with; npm may install newer ones within their ranges.

| package | version | licence |
|---|---|---|
${rows.sort().join('\n')}

Made by \`npm run licences\` from package-lock.json.
`
}
