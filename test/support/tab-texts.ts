import { keyed, textsOf } from '../../scripts/texts.ts'
import type { RuleText } from '../../nodes/rules/reply-rule-words.ts'
import { textsOf as lookUpIn } from '../../nodes/operations/page/own/catalogue.ts'
import type { Text } from '../../nodes/operations/page/times.ts'

/** Every text of the sidebar tab, by its whole key. */
export function tabTexts(language = 'en-US'): Map<string, string> {
  return keyed(textsOf('sidebar', language))
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
  return lookUpIn(textsOf('hl7-https-out', language), language)
}
