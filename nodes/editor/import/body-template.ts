import { isJsonObject, parseJson } from '../../../src/json-text.ts'
import { joinEntries, type ImportNote, type ImportRow } from './import-row.ts'
import { entryRow, type EntryOptions } from './import-header.ts'
import { hasPlaceholder, HIDDEN, isSecretName } from './shown-value.ts'

/** In place of the message in a template that is being read: no text has this character. */
export const MESSAGE = '\u{e100}'

/** A body as a template of this node, with the secrets that stood in it. */
export interface BodyTemplate {
  /** JSONata. */
  template: string
  secrets: { name: string; value: string }[]
  /** Whether the message is escaped for XML there, which it was not. */
  escapes: boolean
}

/** What has more brackets than that is no template, but was made to break something. */
const MAX_BRACKETS = 1000

/** What JSON text means; undefined if it is none, or too deep. */
export function readJson(text: string): unknown {
  return (text.match(/[[{]/g)?.length ?? 0) > MAX_BRACKETS ? undefined : parseJson(text)
}

/** JSON is JSONata, too; in it, the message and secrets become variables. */
export function jsonTemplate(value: unknown): BodyTemplate {
  const secrets: BodyTemplate['secrets'] = []
  const write = (one: unknown, name: string): string => {
    if (typeof one === 'string') {
      if (one === MESSAGE) return '$message'
      if (!isSecretName(name) || one === '') return joined(one, '$message')
      secrets.push({ name, value: one })
      return fieldNamed(name)
    }
    if (Array.isArray(one)) return `[${one.map((item) => write(item, name)).join(', ')}]`
    if (!isJsonObject(one)) return JSON.stringify(one)
    const pairs = Object.entries(one).map(
      ([key, item]) => `${JSON.stringify(key)}: ${write(item, key)}`
    )
    return `{${pairs.join(', ')}}`
  }
  return { template: write(value, ''), secrets, escapes: false }
}

/** In XML, the message is escaped, except within CDATA; so are secrets. */
export function textTemplate(text: string): BodyTemplate {
  if (!/^\s*</.test(text)) {
    return { template: joined(text, '$message'), secrets: [], escapes: false }
  }
  const secrets: BodyTemplate['secrets'] = []
  let escapes = false
  const pieces = text.split(/(<(?:\w+:)?[\w.-]+>)([^<]*)(?=<\/)/)
  let before = ''
  const written = pieces.flatMap((piece, at) => {
    const name = /^<(?:\w+:)?([\w.-]+)>$/.exec(pieces[at - 1] ?? '')?.[1] ?? ''
    const isContent = at % 3 === 2
    if (isContent && isSecretName(name) && piece.trim() !== '') {
      secrets.push({ name, value: piece.trim() })
      before += piece
      return [`$xml(${fieldNamed(name)})`]
    }
    return piece.split(MESSAGE).flatMap((part, index) => {
      const inCdata = before.lastIndexOf('<![CDATA[') > before.lastIndexOf(']]>')
      before += part
      if (index === 0) return [JSON.stringify(part)]
      escapes ||= !inCdata
      return [inCdata ? '$message' : '$xml($message)', JSON.stringify(part)]
    })
  })
  return { template: sum(written), secrets, escapes }
}

/**
 * The row of a body with a template: its secrets become fields of type secret.
 *
 * @param row without them
 */
export function withSecrets(
  row: ImportRow,
  { secrets }: BodyTemplate,
  options: EntryOptions
): ImportRow {
  let { out = {} } = row
  const notes: ImportNote[] = [...row.notes]
  for (const { name, value } of secrets) {
    // A placeholder is no secret: the slot is there to be filled.
    const takesSecrets = options.takesSecrets && !hasPlaceholder(value)
    const given = takesSecrets ? value : HIDDEN
    const field = entryRow(row.setting, HIDDEN, name, given, { ...options, takesSecrets })
    const { formFields = [], ...slots } = field.out ?? {}
    const before = typeof out.formFields === 'object' ? out.formFields : []
    const added = typeof formFields === 'object' ? formFields : []
    out = { ...out, ...slots, formFields: joinEntries(before, added) }
    notes.push(...field.notes.filter(({ key }) => !notes.some((one) => one.key === key)))
  }
  return { ...row, out, notes }
}

const fieldNamed = (name: string): string =>
  `$fields.${/^[A-Za-z_]\w*$/.test(name) ? name : `\`${name.replaceAll('`', '')}\``}`

/** A text with the message in it, as a sum. */
function joined(text: string, message: string): string {
  return sum(
    text
      .split(MESSAGE)
      .flatMap((part, at) => (at === 0 ? [JSON.stringify(part)] : [message, JSON.stringify(part)]))
  )
}

/** Neighbouring texts become one, and empty ones nothing. */
function sum(parts: readonly string[]): string {
  const kept: string[] = []
  for (const part of parts.filter((one) => one !== '""')) {
    const last = kept.at(-1)
    if (last?.startsWith('"') === true && part.startsWith('"')) {
      kept[kept.length - 1] = last.slice(0, -1) + part.slice(1)
    } else {
      kept.push(part)
    }
  }
  return kept.length === 0 ? '""' : kept.join(' & ')
}
