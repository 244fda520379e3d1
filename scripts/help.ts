/** Makes the help of a node type: English prose that cites the labels of the form in the reader's language. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import codes from '../locales/en-US/codes.json' with { type: 'json' }
import { RECEIVER_REFUSALS, TOKEN_REFUSALS } from '../src/oauth2/refusal-hints.ts'
import type { NodeTypeName } from './form-page.ts'
import { textOf, textsOf, type Texts } from './texts.ts'
import { refusals } from './refusals.ts'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** The help of a node type, as Node-RED serves it in a language, such as `fr`. */
export function helpPage(type: NodeTypeName, language: string): string {
  const prose = readFileSync(join(root, 'locales', 'en-US', `${type}.html`), 'utf8')
  return fillHelp(prose, textsOf(type, language))
}

/**
 * Fills in `{{label.url}}` and other keys of the texts of the form; `{{errors}}`, the list of error codes; and
 * `{{refusals}}`, what token servers and receivers say of a client or a token.
 *
 * @throws when there is no such text: a label that is cited is in the form
 */
export function fillHelp(prose: string, texts: Texts): string {
  return prose.replace(/\{\{([\w.-]+)\}\}/g, (_, key: string) => {
    if (key === 'errors') return errors()
    if (key === 'refusals') return refusalList(texts)
    return escapeHtml(textOf(texts, key))
  })
}

function errors(): string {
  return Object.entries(codes.error)
    .map(([code, { meaning }]) => `<li><code>${code}</code>: ${asHtml(meaning)}.</li>`)
    .join('\n    ')
}

/** Only those that are known by their words: the others say it with their code. */
function refusalList(texts: Texts): string {
  return refusals([...TOKEN_REFUSALS, ...RECEIVER_REFUSALS], texts, (label) => `<em>${label}</em>`)
    .flatMap(({ row, hint }) => {
      const words = row.answers.flatMap(({ words: some }) => (some === undefined ? [] : [some]))
      if (words.length === 0) return []
      const said = words.map((some) => `<code>${escapeHtml(some)}</code>`).join(', ')
      return [`<li>${said}: ${hint.replace(/<(?!\/?em>)/g, '&lt;')}</li>`]
    })
    .join('\n    ')
}

/** Of Markdown, the meaning of an error has only code. */
function asHtml(text: string): string {
  return escapeHtml(text).replace(/`([^`]+)`/g, '<code>$1</code>')
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
