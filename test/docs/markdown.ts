import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The absolute path of the repository. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** All pages of the documentation, by their path in the repository. */
export function pages(): Map<string, string> {
  const files = globSync(['*.md', '{docs,bench,demo,examples,test}/**/*.md'], {
    cwd: root,
    // Made when the package is packed.
    exclude: ['docs/licenses.md']
  })
  return new Map(files.sort().map((file) => [file.replaceAll('\\', '/'), page(file)]))
}

/** The text of a page, by its path in the repository. */
export function page(file: string): string {
  return readFileSync(join(root, file), 'utf8').replaceAll('\r\n', '\n')
}

/** The text below a heading, up to the next heading of the same or a higher level. */
export function section(text: string, heading: string): string {
  const lines = text.split('\n')
  const levels = headingLevels(lines)
  const start = lines.findIndex((line, at) => levels[at] !== 0 && title(line) === heading)
  if (start === -1) throw new Error(`There is no heading "${heading}".`)
  const end = levels.findIndex(
    (level, at) => at > start && level !== 0 && level <= (levels[start] ?? 0)
  )
  return lines.slice(start + 1, end === -1 ? undefined : end).join('\n')
}

/** The cells of all table rows in a text, without the table heads. */
export function rows(text: string): string[][] {
  const lines = text.split('\n')
  return lines
    .filter((line, index) => {
      const next = lines[index + 1] ?? ''
      return line.startsWith('| ') && !next.startsWith('|---')
    })
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim())
    )
}

function title(line: string): string {
  return line.replace(/^#+ /, '').trim()
}

/** The heading level of each line; 0 if it is not a heading: a `#` in code is not one. */
function headingLevels(lines: string[]): number[] {
  let inCode = false
  return lines.map((line) => {
    if (line.startsWith('```')) inCode = !inCode
    return inCode ? 0 : (/^(#+) /.exec(line)?.[1]?.length ?? 0)
  })
}
