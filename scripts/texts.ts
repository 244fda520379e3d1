/** The texts in `locales/` by language. What a language lacks is said in English, in form, tab and page alike. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
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
  return completed(ownTexts(name, 'en-US'), ownTexts(name, language), language)
}

/** What the build has of them: what both forms say is with the texts of the first. */
export function builtTexts(name: CatalogueName, language: string): Texts {
  if (name !== 'oauth2-client-credentials') return textsOf(name, language)
  return completed(read(name, 'en-US'), read(name, language), language)
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

/** Texts, with the English ones where there is none; and for plurals that English does not have, such as a million in Spanish, the `_other`. */
export function completed(english: Texts, own: Texts, language: string): Texts {
  const known = pluralsOf('en-US')
  const more = pluralsOf(language).filter((plural) => !known.includes(plural))
  const complete = (from: Section, into: Section = {}): Section => {
    const all: Record<string, string | Section> = {}
    for (const [name, text] of Object.entries(from)) {
      const found = into[name]
      if (typeof text === 'string') all[name] = typeof found === 'string' ? found : text
      else all[name] = complete(text, typeof found === 'string' ? undefined : found)
      const stem = /^(.+)_other$/.exec(name)?.[1]
      if (stem === undefined) continue
      for (const plural of more) all[`${stem}_${plural}`] = all[name]
    }
    return all
  }
  return complete(english, own) as Texts
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
