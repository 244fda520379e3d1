import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository, absolute. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** Every page of the documentation, by its path from the repository's root. */
export function pages(): Map<string, string> {
  const files = globSync(['*.md', '{docs,bench,demo,examples,test}/**/*.md'], { cwd: root })
  return new Map(files.sort().map((file) => [file.replaceAll('\\', '/'), page(file)]))
}

/** The text of a page, its path from the repository's root. */
export function page(file: string): string {
  return readFileSync(join(root, file), 'utf8').replaceAll('\r\n', '\n')
}

/** What stands below a heading, up to the next heading of the same or a higher level. */
export function section(text: string, heading: string): string {
  const lines = text.split('\n')
  const start = lines.findIndex((line) => /^#+ /.test(line) && title(line) === heading)
  if (start === -1) throw new Error(`There is no heading "${heading}".`)
  const level = levelOf(lines[start] ?? '')
  const length = lines.slice(start + 1).findIndex((line) => {
    const other = levelOf(line)
    return other > 0 && other <= level
  })
  return lines.slice(start + 1, length === -1 ? undefined : start + 1 + length).join('\n')
}

/** The cells of the rows of the tables in a text, without heads. */
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

function levelOf(line: string): number {
  return /^(#+) /.exec(line)?.[1]?.length ?? 0
}
