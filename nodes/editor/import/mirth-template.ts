import { isJsonObject, parseJson } from '../../../src/json-text.ts'

/** What stands for the message in Mirth's templates. */
const MESSAGE = /\$\{message\.(?:encodedData|rawData)\}/

/** A body as a template of this node. */
export interface ImportedTemplate {
  format: 'json' | 'text'
  /** JSONata; undefined if the template holds variables that nobody here knows. */
  template: string | undefined
  /** Whether the message is escaped for XML, which it was not. */
  escapes: boolean
}

/** Whether the text is the message itself and nothing else. */
export function isMessage(text: string): boolean {
  return /^\$\{message\.(?:encodedData|rawData)\}$/.test(text.trim())
}

/** Reads a template with the message in it. */
export function readTemplate(text: string, contentType: string): ImportedTemplate {
  const isJson = /json/i.test(contentType) || /^\s*[{[]/.test(text)
  const format = isJson ? 'json' : 'text'
  const rest = text.replaceAll(new RegExp(MESSAGE, 'g'), '')
  if (!MESSAGE.test(text) || /\$\{|\$!?[a-z_]|^\s*#\w/im.test(rest)) {
    return { format, template: undefined, escapes: false }
  }
  return isJson ? jsonTemplate(text) : textTemplate(text)
}

/** In place of the message while JSON is read: no template has this character. */
const PLACE = '\u{e000}'

/** JSON is JSONata; a text that is the message becomes the message. */
function jsonTemplate(text: string): ImportedTemplate {
  const marked = text.replaceAll(new RegExp(MESSAGE, 'g'), PLACE)
  const value = parseJson(marked)
  const template = value === undefined ? undefined : jsonata(value)
  return { format: 'json', template, escapes: false }
}

/**
 * A value as a JSONata expression, in which the message stands for what is marked.
 *
 * @param isMessage whether a text is the message, besides a mark
 */
export function jsonata(
  value: unknown,
  isMessage = (text: string): boolean => text === PLACE
): string {
  if (typeof value === 'string') {
    if (isMessage(value)) return '$message'
    return value
      .split(PLACE)
      .map((piece) => JSON.stringify(piece))
      .join(' & $message & ')
  }
  if (Array.isArray(value)) return `[${value.map((one) => jsonata(one, isMessage)).join(', ')}]`
  if (!isJsonObject(value)) return JSON.stringify(value)
  const pairs = Object.entries(value).map(
    ([name, one]) => `${JSON.stringify(name)}: ${jsonata(one, isMessage)}`
  )
  return `{${pairs.join(', ')}}`
}

/** Texts and the message, joined. In XML the message is escaped, except within CDATA. */
function textTemplate(text: string): ImportedTemplate {
  const isXml = /^\s*</.test(text)
  let escapes = false
  let before = ''
  const parts = text.split(MESSAGE).flatMap((piece, at) => {
    const shown = JSON.stringify(piece)
    if (at === 0) {
      before = piece
      return [shown]
    }
    const inCdata = before.lastIndexOf('<![CDATA[') > before.lastIndexOf(']]>')
    before += piece
    const escaped = isXml && !inCdata
    escapes ||= escaped
    return [escaped ? '$xml($message)' : '$message', shown]
  })
  const template = parts.filter((part) => part !== '""').join(' & ')
  return { format: 'text', template, escapes }
}
