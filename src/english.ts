import bothForms from '../locales/en-US/both-forms.json' with { type: 'json' }
import outForm from '../locales/en-US/hl7-https-out.json' with { type: 'json' }
import log from '../locales/en-US/log.json' with { type: 'json' }
import tab from '../locales/en-US/sidebar.json' with { type: 'json' }
import tokenForm from '../locales/en-US/oauth2-client-credentials.json' with { type: 'json' }

type Sections = Readonly<Record<string, object>>

/** The texts of a form: its own, and those that both forms have, which stand once in each language. */
export function withShared<Own extends Sections, Shared extends Sections>(
  own: Own,
  shared: Shared
): Own & Shared {
  const merged = Object.entries(shared).map(([name, texts]) => [name, { ...own[name], ...texts }])
  return { ...own, ...Object.fromEntries(merged) } as Own & Shared
}

/** The sentences in English: those that a reader may see in another language, and (`log`) those that are never translated. */
const CATALOGUES = {
  // Pure, so that a script for the browser that says nothing in English has none of it.
  forms: /* @__PURE__ */ withShared(outForm, bothForms),
  tokenForm: /* @__PURE__ */ withShared(tokenForm, bothForms),
  log,
  tab
}

type Catalogues = typeof CATALOGUES
export type CatalogueName = keyof Catalogues

/** The keys of all texts in a part of a catalogue; one that depends on `count` is one key. */
export type KeyIn<Part> = {
  [Name in keyof Part & string]: Part[Name] extends string
    ? Name extends `${infer Stem}_${'one' | 'other'}`
      ? Stem
      : Name
    : `${Name}.${KeyIn<Part[Name]>}`
}[keyof Part & string]

/** The key of a sentence of a catalogue. That it is missing does not compile. */
export type Key<Name extends CatalogueName> = KeyIn<Catalogues[Name]>

/** The last parts of the keys of one section of a catalogue. */
export type KeyUnder<Name extends CatalogueName, Section extends string> = LastPart<
  Key<Name>,
  Section
>
export type LastPart<Whole, Section extends string> = Whole extends `${Section}.${infer Last}`
  ? Last
  : never

/** What is filled in, by the names in a sentence. Safe to print. */
export type Values = Readonly<Record<string, string | number>>

/**
 * A sentence in English, for the log, for scripts and for monitoring.
 *
 * @param values for each `__name__` in it; `count` also chooses between `_one` and `_other`
 */
export function english<Name extends CatalogueName>(
  catalogue: Name,
  key: Key<Name>,
  values: Values = {}
): string {
  return fill(textOf(catalogue, key, values), values)
}

/** A sentence with its values, in one pass: a value may look like a placeholder. */
export function fill(text: string, values: Values): string {
  return text.replace(/__(\w+?)__/g, (_, name: string) => String(values[name]))
}

/** Whether there is such a sentence: of those whose keys are codes of other programs. */
export function isKey<Name extends CatalogueName>(catalogue: Name, key: string): key is Key<Name> {
  return find(catalogue, key) !== undefined
}

function textOf(catalogue: CatalogueName, key: string, { count }: Values): string {
  const plural = count === undefined ? '' : count === 1 ? '_one' : '_other'
  const text = find(catalogue, key + plural) ?? find(catalogue, key)
  if (text === undefined) throw new TypeError(`There is no text ${catalogue} ${key}.`)
  return text
}

function find(catalogue: CatalogueName, key: string): string | undefined {
  let at: unknown = CATALOGUES[catalogue]
  for (const name of key.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined
    at = (at as Record<string, unknown>)[name]
  }
  return typeof at === 'string' ? at : undefined
}
