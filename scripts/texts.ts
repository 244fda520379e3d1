/** The texts in `locales/` by language. What a language lacks is said in English, in form, tab and page alike. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { merged } from '../nodes/operations/merged-texts.ts'
import { withShared } from '../src/english.ts'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** The texts of a form (its own, and those that both have), and those of tab and page. */
export type CatalogueName = 'hl7-https-out' | 'oauth2-client-credentials' | 'sidebar'

export type Texts = Readonly<Record<string, Section>>
export interface Section {
  readonly [name: string]: string | Section
}

/** All texts in a language, such as `fr`; in English those that it lacks. */
export function textsOf(name: CatalogueName, language = 'en-US'): Texts {
  const own = withPlurals(ownTexts(name, language), language)
  return merged(ownTexts(name, 'en-US'), own) as Texts
}

/**
 * What the build has of them: those that the language has, since Node-RED adds the English ones where it reads them, as
 * the route of the page does; what both forms say is with the texts of the first.
 */
export function builtTexts(name: CatalogueName, language: string): Texts {
  const isSecond = name === 'oauth2-client-credentials'
  return withPlurals(isSecond ? read(name, language) : ownTexts(name, language), language)
}

/** The texts that a language has. */
export function ownTexts(name: CatalogueName, language: string): Texts {
  const texts = read(name, language)
  return name === 'sidebar' ? texts : withShared(texts, read('both-forms', language))
}

function read(file: CatalogueName | 'both-forms', language: string): Texts {
  return JSON.parse(readFileSync(join(root, 'locales', language, `${file}.json`), 'utf8')) as Texts
}

/** What a language is shown in English: the keys of texts that it lacks and has a use for. Japanese has none for `_one`. */
export function missingKeys(english: Texts, own: Texts, language: string): string[] {
  const known = keyed(own)
  const hasOne = pluralsOf(language).includes('one')
  return [...keyed(english).keys()].filter(
    (key) => !known.has(key) && (hasOne || !key.endsWith('_one'))
  )
}

/** The plurals of a language, such as `one` and `other`: what a key with a count ends in. */
export function pluralsOf(language: string): string[] {
  return new Intl.PluralRules(language).resolvedOptions().pluralCategories
}

/** Texts, and for plurals that English does not have, such as a million in Spanish, the `_other`. */
export function withPlurals(texts: Texts, language: string): Texts {
  const known = pluralsOf('en-US')
  const more = pluralsOf(language).filter((plural) => !known.includes(plural))
  const complete = (section: Section): Section =>
    Object.fromEntries(
      Object.entries(section).flatMap(([name, text]): [string, Section | string][] => {
        if (typeof text !== 'string') return [[name, complete(text)]]
        const stem = /^(.+)_other$/.exec(name)?.[1]
        const plurals = stem === undefined ? [] : more.map((plural) => `${stem}_${plural}`)
        return [name, ...plurals].map((key) => [key, text])
      })
    )
  return complete(texts) as Texts
}

/** All texts by their whole keys, such as `label.url`. */
export function keyed(texts: Section): Map<string, string> {
  const collect = (section: Section, before: string): [string, string][] =>
    Object.entries(section).flatMap(([name, text]) =>
      typeof text === 'string' ? [[before + name, text]] : collect(text, `${before}${name}.`)
    )
  return new Map(collect(texts, ''))
}

/** @throws when there is no such text */
export function textOf(texts: Section, key: string): string {
  const text = keyed(texts).get(key)
  if (text === undefined) throw new Error(`There is no text ${key}.`)
  return text
}
