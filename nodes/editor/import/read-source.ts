import { curlCommands } from './curl-words.ts'
import { curlSources } from './curl.ts'
import type { LastPart } from '../../../src/english.ts'
import type { SharedKey } from '../../../src/form-text.ts'
import type { ImportSource } from './import-row.ts'
import { intersystemsSources } from './intersystems.ts'
import { mirthSources } from './mirth.ts'
import { readXml, type XmlParser } from './xml-tree.ts'

/** The most characters that are read. The export of a large production has a few hundred thousand. */
export const MAX_SOURCE = 2_000_000

/** The most sources of which one can be chosen: more than anybody pastes who wants one of them. */
const MAX_SOURCES = 50

/** The most settings of one source: each is a line of the table. */
export const MAX_SETTINGS = 1000

/** The most characters of an element without content. */
const MAX_TAG = 20_000

/** Why nothing can be read: a key under `importRefusal`. */
export type ImportRefusal = LastPart<SharedKey, 'importRefusal'>

export type SourceReading =
  | { sources: readonly ImportSource[]; refusal?: undefined }
  | { refusal: ImportRefusal; sources?: undefined }

/**
 * Finds out what a text is, and which settings can be chosen from it. Nothing is fetched, and nothing in it is run.
 *
 * @param parser a `DOMParser`
 */
export function readSource(text: string, parser: XmlParser): SourceReading {
  if (text.length > MAX_SOURCE) return { refusal: 'tooLarge' }
  const given = text.replace(/^\u{feff}/u, '')
  if (given.includes('\0') || (given.match(/\u{fffd}/gu)?.length ?? 0) > 3) {
    return { refusal: 'encoding' }
  }
  const commands = curlCommands(given)
  const commandSources = curlSources(commands)
  const xml = new RegExp(`<(?:${KINDS.map(({ roots }) => roots).join('|')})[\\s/>]`).exec(given)
  const isCommand = commandSources.length > 0 && !(xml !== null && xml.index < given.search(/curl/))
  if (isCommand) {
    return commands.some(({ isCut }) => isCut) ? { refusal: 'cut' } : choiceOf(commandSources)
  }
  for (const { roots, sourcesOf } of KINDS) {
    const start = new RegExp(`<${roots}[\\s/>]`).exec(given)
    if (start === null) continue
    // An entity may grow to gigabytes, or name a file.
    if (/<!(?:DOCTYPE|ENTITY)/i.test(given)) return { refusal: 'doctype' }
    const slice = elementsFrom(given, start.index, roots)
    if (slice === undefined) return { refusal: 'cut' }
    const root = readXml(`<pasted>${slice}</pasted>`, parser)
    if (root === undefined) return { refusal: 'notXml' }
    const sources = sourcesOf(root)
    return sources.length === 0 ? { refusal: 'nothingSends' } : choiceOf(sources)
  }
  return { refusal: 'unknown' }
}

const choiceOf = (sources: readonly ImportSource[]): SourceReading =>
  sources.length > MAX_SOURCES ? { refusal: 'tooMany' } : { sources }

/** Whichever is found first decides: a production holds items, a channel connectors. */
const KINDS = [
  { roots: 'Production', sourcesOf: intersystemsSources },
  { roots: 'Item', sourcesOf: intersystemsSources },
  { roots: 'serverConfiguration', sourcesOf: mirthSources },
  { roots: 'channelGroup', sourcesOf: mirthSources },
  { roots: 'channel', sourcesOf: mirthSources },
  { roots: 'destinationConnectors', sourcesOf: mirthSources },
  { roots: 'connector', sourcesOf: mirthSources }
] as const

/**
 * From the first to the last element of that name: what stands around them, such as the text of a class, is not read.
 *
 * @returns undefined if the last one does not end
 */
function elementsFrom(text: string, start: number, name: string): string | undefined {
  const last = Math.max(text.lastIndexOf(`<${name}`), start)
  const close = `</${name}>`
  const end = text.lastIndexOf(close)
  if (end > last) return text.slice(start, end + close.length)
  // The last one may be empty: `<Item … />`.
  const alone = new RegExp(`^<${name}(?:[^>"']|"[^"]*"|'[^']*')*/>`).exec(
    text.slice(last, last + MAX_TAG)
  )
  return alone === null ? undefined : text.slice(start, last + alone[0].length)
}
