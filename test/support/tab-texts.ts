import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { RuleText } from '../../nodes/editor/reply-rule-words.ts'
import { textsOf } from '../../nodes/operations/page/own/catalogue.ts'
import type { Text } from '../../nodes/operations/page/times.ts'

const locales = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'locales')

/** Every text of the sidebar tab, by its whole key. */
export function tabTexts(language = 'en-US'): Map<string, string> {
  const texts = new Map<string, string>()
  const collect = (at: unknown, path: string): void => {
    if (typeof at === 'string') texts.set(path, at)
    else {
      for (const [key, value] of Object.entries(at as object)) {
        collect(value, path === '' ? key : `${path}.${key}`)
      }
    }
  }
  collect(JSON.parse(readFileSync(join(locales, language, 'sidebar.json'), 'utf8')), '')
  return texts
}

/** Looks texts up as the editor does: with plurals, and the key for one that is missing. */
export function tabText(language = 'en-US'): Text {
  const texts = tabTexts(language)
  const plurals = new Intl.PluralRules(language)
  return (key, values = {}) => {
    const plural = plurals.select(Number(values['count'] ?? 0))
    const text = texts.get('count' in values ? `${key}_${plural}` : key) ?? texts.get(key)
    return (
      text?.replace(/__(\w+?)__/g, (_, name: string) => {
        const value = values[name]
        if (value === undefined) throw new Error(`${key} without ${name}`)
        return String(value)
      }) ?? key
    )
  }
}

/** Looks up what says a reply rule in words. */
export function ruleText(language = 'en-US'): RuleText {
  const file = readFileSync(join(locales, language, 'hl7-https-out.json'), 'utf8')
  return textsOf(JSON.parse(file) as object, language)
}
