import type { RuleText } from '../../../rules/reply-rule-words.ts'
import type { Text } from '../times.ts'

/** The texts of the page in one language: those of `sidebar.json`, and of the form what says a rule in words. */
export interface Catalogue {
  tab: object
  rules: object
}

/**
 * The language of the page.
 *
 * @param wanted as browsers name them, the most wanted first
 * @param known those that there are
 */
export function languageOf(wanted: readonly string[], known: readonly string[]): string {
  for (const one of wanted) {
    const [primary = ''] = one.toLowerCase().split('-')
    const found =
      known.find((language) => language.toLowerCase() === one.toLowerCase()) ??
      known.find((language) => language.toLowerCase().split('-')[0] === primary)
    if (found !== undefined) return found
  }
  return 'en-US'
}

/** Looks texts up as the editor does: with plurals, and the key for one that is missing. */
export function textsOf(catalogue: object, language: string): Text & RuleText {
  const plurals = new Intl.PluralRules(language)
  return (key: string, values: Record<string, string | number> = {}) => {
    const { count } = values
    const text =
      (count === undefined
        ? undefined
        : (find(catalogue, `${key}_${plurals.select(Number(count))}`) ??
          find(catalogue, `${key}_other`))) ?? find(catalogue, key)
    // In one pass: a value may look like a placeholder.
    return text?.replace(/__(\w+?)__/g, (_, name: string) => String(values[name] ?? '')) ?? key
  }
}

function find(catalogue: object, key: string): string | undefined {
  let at: unknown = catalogue
  for (const name of key.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined
    at = (at as Record<string, unknown>)[name]
  }
  return typeof at === 'string' ? at : undefined
}
