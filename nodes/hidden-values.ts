import { withReferences } from '../src/https/escape-xml.ts'

/** Replaces a value that is not shown. */
export const HIDDEN = '•••'

/** A flow file's lists are two levels deep, with one around them; anything deeper is not a list. */
const MAX_DEPTH = 5
/** A shorter value may be part of any word: it is hidden only as a separate word. */
const MIN_PART = 6

/**
 * The answer of a route with `•••` in place of values from variables, credentials or context; for a
 * URL, also where only its host appears.
 *
 * @param answer a JSON value
 * @param values empty ones are ignored
 */
export function hideValues<Answer>(answer: Answer, values: readonly string[]): Answer {
  const forms = [...new Set(values.flatMap(formsOf))].filter((form) => form !== '')
  // Longer values first: a shorter one may be part of them.
  forms.sort((a, b) => b.length - a.length)
  return forms.length === 0 ? answer : (hidden(answer, forms) as Answer)
}

/** The texts in `values` that are not in `told`: what the caller does not already know. */
export function untoldTexts(values: object, told: object): string[] {
  const known = new Set(texts(told))
  return texts(values).filter((text) => !known.has(text))
}

function texts(value: unknown, depth = 0): string[] {
  if (typeof value === 'string') return [value.trim()]
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return []
  return Object.values(value).flatMap((item) => texts(item, depth + 1))
}

function hidden(value: unknown, forms: readonly string[]): unknown {
  if (typeof value === 'string') return forms.reduce(withoutForm, value)
  if (Array.isArray(value)) return value.map((item) => hidden(item, forms))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, hidden(item, forms)]))
}

function withoutForm(text: string, form: string): string {
  if (!text.includes(form)) return text
  if (form.length >= MIN_PART) return text.replaceAll(form, HIDDEN)
  const word = new RegExp(`(?<![\\p{L}\\p{N}])${escaped(form)}(?![\\p{L}\\p{N}])`, 'gu')
  return text.replace(word, HIDDEN)
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')
}

/** A value in each form in which an answer may contain it. */
function formsOf(value: string): string[] {
  const text = value.trim()
  const url = URL.parse(text)
  return [
    text,
    text.replace(/\/$/, ''),
    encodeURIComponent(text.toWellFormed()),
    JSON.stringify(text).slice(1, -1),
    withReferences(text),
    ...(url === null ? [] : [url.href, url.host, url.hostname])
  ]
}
