import { isJsonObject, parseJson } from '../../../src/json-text.ts'
import { resolveReferences } from '../../../src/xml-entities.ts'
import type { ListEntry } from '../named-value.ts'
import { note, type ImportNote, type ImportRow, type OutValues } from './import-row.ts'
import { entryRow, type EntryOptions } from './import-header.ts'
import { MAX_DEPTH } from './xml-tree.ts'
import { hasPlaceholder, HIDDEN, holdsSecret, isSecretName, shownText } from './shown-value.ts'

/** In place of the message in a template that is being read: no text has this character. */
export const MESSAGE = '\u{e100}'

/** Names that fields with the message have where only a placeholder or a variable stands. */
export const MESSAGE_NAME =
  /hl7|^(?:message|msg|data|body|content|payload|file|(?:message|msg)[_-]?(?:data|text|content|body))$/i

/** A secret that stood in a body. */
interface Secret {
  /** Of the field that it becomes: no other one has it. */
  name: string
  value: string
  /** As it stood there. */
  written: string
}

/** A body as a template of this node, with the secrets that stood in it. */
export interface BodyTemplate {
  /** JSONata; undefined if a secret would be left in it. */
  template: string | undefined
  secrets: readonly Secret[]
  /** Whether the message is escaped for XML there, which it was not. */
  escapes: boolean
}

/** What JSON text means; undefined if it is none, or too deep. */
export function readJson(text: string): unknown {
  let depth = 0
  for (const [bracket] of text.matchAll(/[[{}\]]/g)) {
    depth += /[[{]/.test(bracket) ? 1 : -1
    if (depth > MAX_DEPTH) return undefined
  }
  return parseJson(text)
}

/** JSON is JSONata, too; in it, the message and secrets become variables. */
export function jsonTemplate(value: unknown): BodyTemplate {
  const secrets = new Secrets()
  const text = (one: string, secret: string | undefined): string => {
    if (one === MESSAGE) return '$message'
    if (one !== '' && secret !== undefined && !one.includes(MESSAGE)) {
      return secrets.variable(secret, one, JSON.stringify(one).slice(1, -1))
    }
    const sum = new Sum()
    addTexts(sum, one, '$message')
    secrets.isLeft ||= sum.holdsSecret() || (secret !== undefined && one !== '')
    return String(sum)
  }
  /** @param secret the name of the secret that it is, or a part of */
  const write = (one: unknown, secret: string | undefined): string => {
    if (typeof one === 'string') return text(one, secret)
    if (typeof one === 'number' && secret !== undefined) {
      return `$number(${secrets.variable(secret, String(one), String(one))})`
    }
    if (Array.isArray(one)) return `[${one.map((item) => write(item, secret)).join(', ')}]`
    if (!isJsonObject(one)) return JSON.stringify(one)
    const label = secretLabel(Object.entries(one))
    const hasValue = Object.keys(one).some((name) => VALUE_NAME.test(name))
    const pairs = Object.entries(one).map(([key, item]) => {
      if (typeof item === 'string' && isLabel(key, item, label, hasValue, secret)) {
        return `${JSON.stringify(key)}: ${JSON.stringify(item)}`
      }
      const own = isSecretName(key) ? key : VALUE_NAME.test(key) ? label : undefined
      const says = typeof item === 'string' && !item.includes(MESSAGE) && holdsSecret(item)
      return `${JSON.stringify(key)}: ${write(item, own ?? secret ?? (says ? key : undefined))}`
    })
    return `{${pairs.join(', ')}}`
  }
  const template = write(value, undefined)
  return { template: secrets.isLeft ? undefined : template, secrets: secrets.all, escapes: false }
}

/** In XML, the message is escaped, except within CDATA; so are secrets. */
export function textTemplate(text: string): BodyTemplate {
  if (/^\s*</.test(text)) return new XmlReader().read(text)
  const sum = new Sum()
  addTexts(sum, text, '$message')
  // Where its secret begins and ends, nothing says: in parts of a file upload, it is two lines below its name. `code` and
  // `key` before a blank are words of a sentence.
  const names = text.replace(/\b(?:code|key)(?= )/gi, '').match(/[\w.-]+/g) ?? []
  const isClean = !sum.holdsSecret() && !names.some(isSecretName)
  return { template: isClean ? String(sum) : undefined, secrets: [], escapes: false }
}

/** Names of what is a secret if something beside it says so: `{"name": "password", "value": "…"}`. */
const LABEL_NAME = /^(?:name|key|id|field|parameter)$/i
const VALUE_NAME = /^(?:value|val|content|text|#text)$/i

function secretLabel(pairs: readonly (readonly [string, unknown])[]): string | undefined {
  for (const [name, value] of pairs) {
    if (LABEL_NAME.test(name) && typeof value === 'string' && isSecretName(value)) return value
  }
  return undefined
}

/**
 * Whether something is such a name, and no secret, though it may stand under `key`.
 *
 * @param hasValue whether a value stands beside it
 * @param secret of which all of it is a part
 */
function isLabel(
  name: string,
  value: string,
  label: string | undefined,
  hasValue: boolean,
  secret: string | undefined
): boolean {
  if (!LABEL_NAME.test(name) || value.includes(MESSAGE)) return false
  return value === label || (secret === undefined && hasValue)
}

/** An attribute of a tag. Its quotes are closed: else a value goes on behind the tag. */
const ATTRIBUTE = /(?<=\s)(?:[\w-]+:)?([\w.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g

/** Reads XML piece by piece: not whether it is well-formed, but where a secret stands in it. */
class XmlReader {
  readonly #sum = new Sum()
  readonly #secrets = new Secrets()
  /** Of each open element, the name of the secret that it is, or a part of. */
  readonly #open: (string | undefined)[] = []
  /** In CDATA: how many elements were open where it begins. */
  #cdata: number | undefined
  #escapes = false

  read(text: string): BodyTemplate {
    for (const piece of text.split(/(<!\[CDATA\[|\]\]>|<[^<>\]]*>)/)) this.#piece(piece)
    return {
      template: this.#secrets.isLeft || this.#sum.holdsSecret() ? undefined : String(this.#sum),
      secrets: this.#secrets.all,
      escapes: this.#escapes
    }
  }

  #piece(piece: string): void {
    if (piece === '<![CDATA[') this.#cdata = this.#open.length
    if (piece === ']]>' && this.#cdata !== undefined) {
      this.#open.length = Math.min(this.#open.length, this.#cdata)
      this.#cdata = undefined
    }
    if (piece.startsWith('</')) this.#open.pop()
    if (/^<[^!?/]/.test(piece)) this.#tag(piece)
    else if (/^[<\]]/.test(piece)) this.#sum.text(piece)
    else this.#content(piece)
  }

  #tag(tag: string): void {
    const element = /^<(?:[\w-]+:)?([\w.-]+)/.exec(tag)?.[1] ?? ''
    const attributes = [...tag.matchAll(ATTRIBUTE)].map((match) => {
      const [whole, name = '', double, single] = match
      const value = double ?? single ?? ''
      // Before its second quote.
      return { name, value, end: match.index + whole.length - 1, isSpace: /^xmlns/.test(whole) }
    })
    const label = secretLabel(attributes.map(({ name, value }) => [name, value]))
    const hasValue = attributes.some(({ name }) => VALUE_NAME.test(name))
    const outer = isSecretName(element) ? element : this.#open.at(-1)
    const secret = outer ?? label
    let from = 0
    for (const { name, value, end, isSpace } of attributes) {
      this.#sum.text(tag.slice(from, end - value.length))
      from = end
      if (isLabel(name, value, label, hasValue, outer)) {
        this.#sum.judged(value)
        continue
      }
      const isOwn = isSecretName(name) && !isSpace
      this.#value(value, isOwn ? name : VALUE_NAME.test(name) ? secret : undefined, false)
    }
    this.#sum.text(tag.slice(from))
    if (!tag.endsWith('/>')) this.#open.push(secret)
  }

  #content(text: string): void {
    this.#value(text, this.#open.at(-1), this.#cdata === this.#open.length)
  }

  /** @param isRaw whether nothing in it is escaped */
  #value(text: string, secret: string | undefined, isRaw: boolean): void {
    const value = text.trim()
    const hasMessage = text.includes(MESSAGE)
    const name = secret ?? (!hasMessage && holdsSecret(text) ? 'secret' : undefined)
    if (hasMessage) {
      // A secret that holds the message: which part of it is one, nothing says.
      this.#secrets.isLeft ||= secret !== undefined && value !== MESSAGE
      const inCdata = this.#cdata !== undefined
      this.#escapes ||= !inCdata
      addTexts(this.#sum, text, inCdata ? '$message' : '$xml($message)')
    } else if (value === '' || name === undefined) {
      this.#sum.text(text)
    } else {
      const variable = this.#secrets.variable(name, isRaw ? value : resolveReferences(value), value)
      this.#sum.code(isRaw ? variable : `$xml(${variable})`)
    }
  }
}

/** The secrets of a body: each is a field with a name of its own. */
class Secrets {
  readonly all: Secret[] = []
  /** Whether one is left in a text. */
  isLeft = false
  readonly #byValue = new Map<string, string>()
  /** How often a name is in use. The form tells no capitals apart. */
  readonly #uses = new Map<string, number>()

  /** @returns its field, in JSONata */
  variable(given: string, value: string, written: string): string {
    const wanted = given.replaceAll('`', '') || 'secret'
    const key = `${wanted}: ${value}`
    const name = this.#byValue.get(key) ?? this.#unused(wanted)
    if (!this.#byValue.has(key)) this.all.push({ name, value, written })
    this.#byValue.set(key, name)
    return `$fields.${/^[A-Za-z_]\w*$/.test(name) ? name : `\`${name}\``}`
  }

  #unused(wanted: string): string {
    const key = wanted.toLowerCase()
    let number = this.#uses.get(key) ?? 0
    let name: string
    do {
      number += 1
      name = number === 1 ? wanted : `${wanted}${number}`
    } while (number > 1 && this.#uses.has(name.toLowerCase()))
    this.#uses.set(name.toLowerCase(), 1)
    this.#uses.set(key, number)
    return name
  }
}

/**
 * The row of a body with a template: its secrets become fields of type secret.
 *
 * @param row without them
 * @param text as it is in the source
 */
export function templateRow(
  row: Omit<ImportRow, 'given'>,
  text: string,
  { template, secrets }: BodyTemplate,
  options: EntryOptions
): ImportRow {
  if (template === undefined) {
    const notes = [note('templateByHand'), note('secretToFill')]
    return { ...row, given: '…', notes: [...row.notes, ...notes] }
  }
  let out: OutValues = { ...row.out, bodyTemplate: template }
  const formFields: ListEntry[] = []
  const notes: ImportNote[] = [...row.notes]
  for (const { name, value } of secrets) {
    // A placeholder is no secret: the slot is there to be filled.
    const takesSecrets = options.takesSecrets && !hasPlaceholder(value)
    const field = entryRow(row.setting, HIDDEN, name, takesSecrets ? value : HIDDEN, {
      ...options,
      takesSecrets,
      isKnownSecret: true
    })
    const { formFields: added, ...slot } = field.out ?? {}
    if (typeof added === 'object') formFields.push(...added)
    out = { ...out, ...slot, formFields }
    notes.push(...field.notes.filter(({ key }) => !notes.some((one) => one.key === key)))
  }
  return { ...row, given: shownBody(text, secrets), out, notes }
}

/** A body as it may be shown. */
export function shownBody(text: string, secrets: BodyTemplate['secrets']): string {
  return shownText(
    text,
    secrets.map(({ written }) => written)
  )
}

/** A text with the message in it. */
function addTexts(sum: Sum, text: string, message: string): void {
  for (const [at, part] of text.split(MESSAGE).entries()) {
    if (at > 0) sum.code(message)
    sum.text(part)
  }
}

/** Texts and expressions, one behind the other, in JSONata. */
class Sum {
  readonly #parts: string[] = []
  /** Not yet one of the parts: neighboring texts become one, and empty ones nothing. */
  #text = ''
  /** All of it, with a dollar sign for each expression and for what is known to be no secret. */
  #texts = ''

  text(text: string): void {
    this.#text += text
    this.#texts += text
  }

  /** A text of which it is known that it is no secret. */
  judged(text: string): void {
    this.#text += text
    this.#texts += '$'
  }

  code(code: string): void {
    this.#flush()
    this.#parts.push(code)
    this.#texts += '$'
  }

  holdsSecret(): boolean {
    return holdsSecret(this.#texts)
  }

  toString(): string {
    this.#flush()
    return this.#parts.join(' & ') || '""'
  }

  #flush(): void {
    if (this.#text === '') return
    this.#parts.push(JSON.stringify(this.#text))
    this.#text = ''
  }
}
