import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import {
  valuesOf,
  type ImportRow,
  type ImportSource
} from '../../nodes/editor/import/import-row.ts'
import { readSource, type SourceReading } from '../../nodes/editor/import/read-source.ts'
import type { XmlParser } from '../../nodes/editor/import/xml-tree.ts'

interface ParserOptions {
  errorHandler: (level: string, message: string) => void
}

/** Its types bring those of a browser along. */
const { DOMParser } = createRequire(import.meta.url)('@xmldom/xmldom') as {
  DOMParser: new (options: ParserOptions) => XmlParser
}

/** As strict as a browser's parser. */
const parser = new DOMParser({
  errorHandler: (_level, message) => {
    throw new Error(message)
  }
})

export const readText = (text: string): SourceReading => readSource(text, parser)

/** A recording: our own text, in the structure of real exports. */
export const recording = (name: string): string =>
  readFileSync(new URL(`../import/recordings/${name}`, import.meta.url), 'utf8')

export const SLOTS = ['secret1', 'secret2', 'secret3', 'secret4', 'secret5', 'secret6']

/** The settings of the first source of a text. */
export const rowsOf = (text: string): ImportRow[] => readText(text).sources?.[0]?.rows(SLOTS) ?? []
/** What they set in a form. */
export const outOf = (text: string) => valuesOf('out', rowsOf(text))
export const tokenOf = (text: string) => valuesOf('token', rowsOf(text))
/** What is said of them. */
export const notesOf = (text: string): string[] =>
  rowsOf(text).flatMap((row) => row.notes.map(({ key }) => key))

/** All sources of a text with all their rows. A value of a secret is `•••`: its form has it, and nobody else. */
export function tableOf(text: string): string {
  const { sources, refusal } = readText(text)
  return sources === undefined ? `refused: ${refusal}\n` : sources.map(sourceTable).join('\n')
}

function sourceTable(source: ImportSource): string {
  const kind = source.isTokenRequest ? `${source.kind}, token request` : source.kind
  return [`## ${source.name} (${kind})`, ...source.rows(SLOTS).map(line)].join('\n') + '\n'
}

function line({ setting, given, out, token, notes, tick }: ImportRow): string {
  const values = Object.entries({ ...out, ...token }).map(
    ([name, value]) => `${name} = ${JSON.stringify(isSecret(name) ? '•••' : value)}`
  )
  const where = token === undefined ? values : values.map((value) => `token: ${value}`)
  const said = notes.map(({ key, values: filled }) =>
    filled === undefined ? key : `${key} ${JSON.stringify(filled)}`
  )
  const ticked = tick === true ? ['only if ticked'] : []
  return [setting, given.replaceAll('\n', '⏎'), where.join('; '), [...ticked, ...said].join('; ')]
    .join(' | ')
    .replace(/(?: \| )+$/, '')
    .trimEnd()
}

/** Whether it is a field for a secret. */
export const isSecret = (name: string): boolean =>
  SLOTS.includes(name) || ['clientSecret', 'password', 'privateKey'].includes(name)
