import { isJsonObject } from '../../../src/json-text.ts'
import {
  jsonTemplate,
  MESSAGE,
  MESSAGE_NAME,
  readJson,
  shownBody,
  templateRow,
  textTemplate
} from './body-template.ts'
import { formFields, isData, isPart, wholeData, type CurlData } from './curl-data.ts'
import type { CurlOption } from './curl-options.ts'
import { hasVariable, plainWord } from './curl-words.ts'
import { contentTypeRow, entryRow, type EntryOptions, type Slots } from './import-header.ts'
import { note, told, type ImportNote, type ImportRow, type OutValues } from './import-row.ts'
import { hasReference, shownText, shownValue } from './shown-value.ts'

/** HL7 in clear, or in base64. */
const HL7 = /^\s*(?:MSH|FHS|BHS)\W/
const HL7_BASE64 = /^\s*(?:TVNI|RkhT|QkhT)[\w+/=\s]+$/

const isHl7 = (text: string): boolean => HL7.test(text) || HL7_BASE64.test(text)

/** What a command says besides the option that is being read. */
interface WholeCommand {
  type: string | undefined
  slots: Slots
  /** Whether there is one option with data. */
  isAlone: boolean
  /** Whether data go into the query. */
  isQuery: boolean
  hasMethod: boolean
  /** The part of a file upload that is the message: the first file. */
  file: CurlOption | undefined
}

/** The rows of what a command sends, by the option that they are of. */
export function bodyRows(
  options: readonly CurlOption[],
  slots: Slots
): ReadonlyMap<CurlOption, ImportRow[]> {
  const names = new Set(options.map(({ name }) => name))
  const command: WholeCommand = {
    type: contentType(options),
    slots,
    isAlone: options.filter(isData).length === 1,
    isQuery: names.has('get'),
    hasMethod: names.has('request'),
    file: options.find((one) => one.name === 'form' && /^[^=]*=[@<]/.test(one.value))
  }
  const rows = new Map<CurlOption, ImportRow[]>()
  for (const option of options) {
    if (isPart(option)) rows.set(option, [partRow(option, command)])
    if (option.name === 'upload-file') rows.set(option, [uploadRow(option, command)])
    if (isData(option)) rows.set(option, dataRows(option, command))
  }
  const format = [...rows.values()].flat().find(({ out }) => out?.format !== undefined)?.out?.format
  for (const option of options.filter(isContentType)) {
    const { written, value } = option
    const type = plainWord(value).replace(/^[^:]*:/, '')
    const given = shownText(`Content-Type: ${type.trim()}`)
    // The type of a form or a file upload is that of its format.
    const isOwn = /x-www-form-urlencoded|multipart\//i.test(type)
    rows.set(option, [
      isOwn
        ? told(written, given, 'formatHasType')
        : contentTypeRow(written, given, type, typeof format === 'string' ? format : undefined)
    ])
  }
  return rows
}

const isContentType = ({ name, value }: CurlOption): boolean =>
  name === 'header' && /^\s*content-type\s*:/i.test(value)

function contentType(options: readonly CurlOption[]): string | undefined {
  if (options.some(({ name }) => name === 'json')) return 'application/json'
  return options
    .find(isContentType)
    ?.value.replace(/^[^:]*:\s*/, '')
    .trim()
}

function dataRows(option: CurlOption, command: WholeCommand): ImportRow[] {
  const { type, slots } = command
  const whole = wholeData(option)
  const fields =
    /x-www-form-urlencoded/i.test(type ?? '') || type === undefined ? formFields(option) : undefined
  if (fields !== undefined && !HL7.test(whole.text)) {
    return fields.map((field) => fieldRow(field, fields.length === 1, command))
  }
  const { written: setting } = option
  const given = whole.isFile ? `@${shownText(whole.text)}` : shownText(whole.text)
  const takes = (out: OutValues, ...notes: ImportNote[]): ImportRow[] => [
    { setting, given, out, notes }
  ]
  const json = readJson(whole.text)
  const entries = { form: 'out', list: 'formFields', slots, takesSecrets: true } as const
  if (!whole.isFile && typeof json === 'object' && json !== null) {
    const read = jsonTemplate(marked(json))
    if (!textsOf(json).some(isHl7) || hasVariable(option.value)) {
      const given = shownBody(whole.text, read.secrets)
      return [{ setting, given, out: { format: 'json' }, notes: [note('templateByHand')] }]
    }
    const isBase64 = textsOf(json).some((text) => HL7_BASE64.test(text))
    const out = { format: 'json', bodyEncoding: isBase64 ? 'base64' : 'text' }
    return [templateRow({ setting, out, notes: [] }, whole.text, read, entries)]
  }
  if (/json/i.test(type ?? '')) return takes({ format: 'json' }, note('templateByHand'))
  const isXml = /xml/i.test(type ?? '') || (!whole.isFile && /^\s*</.test(whole.text))
  if (isXml && whole.isFile) return takes({ format: 'text' }, note('templateByHand'))
  if (isXml) return [xmlRow(whole, entries)]
  const isFramed = whole.text.startsWith('\u{b}')
  const notes = [note('bodyIsMessage'), ...(type === undefined ? [note('curlType')] : [])]
  return takes({ format: isFramed ? 'mllp' : 'raw' }, ...notes)
}

/** A field of a form: the message, or another. */
function fieldRow(
  { option, name, text, isFile }: CurlData,
  isOnly: boolean,
  { isAlone, isQuery, slots }: WholeCommand
): ImportRow {
  const setting = name === undefined ? option.written : `${option.written} ${name}`
  const given = isFile ? `@${shownText(text)}` : shownValue(name ?? '', text)
  if (name === undefined) {
    return { setting, given, out: { format: 'raw' }, notes: [note('bodyIsMessage')] }
  }
  if (isQuery || option.name === 'url-query') return told(setting, given, 'queryByHand')
  if (isFile || isHl7(text) || (isOnly && isAlone && MESSAGE_NAME.test(name))) {
    const bodyEncoding = HL7_BASE64.test(text) ? 'base64' : 'text'
    const out = { format: 'form', bodyField: name, bodyEncoding }
    return { setting, given, out, notes: [note('bodyIsMessage')] }
  }
  const entries = { form: 'out', list: 'formFields', slots, takesSecrets: true } as const
  const row = entryRow(setting, given, name, text, entries)
  return row.out === undefined ? row : { ...row, out: { format: 'form', ...row.out } }
}

/** `name=content`, `name=@file;type=…;filename=…` or `name=<file`: a part of a file upload. */
function partRow(option: CurlOption, { file, slots }: WholeCommand): ImportRow {
  const { written, value: word } = option
  const value = plainWord(word)
  const [, name = '', rest = ''] = /^([^=]*)=([^]*)$/.exec(value) ?? ['', value]
  const setting = `${written} ${name}`
  const isLiteral = option.name === 'form-string'
  const sign = isLiteral ? '' : (/^[@<]/.exec(rest)?.[0] ?? '')
  const [content = '', ...parameters] = isLiteral ? [rest] : partsOf(rest.slice(sign.length))
  const given = sign === '' ? shownValue(name, content) : shownText(rest)
  const parameter = (key: string): string =>
    parameters
      .find((one) => one.startsWith(`${key}=`))
      ?.slice(key.length + 1)
      .trim() ?? ''
  if (sign !== '' && option !== file) return told(setting, given, 'oneFile')
  if (sign !== '' || isHl7(content)) {
    const [type, charset] = [parameter('type'), parameter('charset')]
    // To curl, another parameter is one of the type.
    const bodyPartType = charset === '' ? type : `${type};charset=${charset}`
    const fileName = parameter('filename') || (sign === '@' ? baseName(content) : '')
    const out: OutValues = {
      format: 'multipart',
      bodyField: name,
      ...(fileName === '' || hasReference(fileName) ? {} : { bodyFileName: fileName }),
      ...(type === '' ? {} : { bodyPartType })
    }
    return { setting, given, out, notes: [note('bodyIsMessage')] }
  }
  const entries = { form: 'out', list: 'formFields', slots, takesSecrets: true } as const
  const row = entryRow(setting, given, name, content, entries)
  return row.out === undefined ? row : { ...row, out: { format: 'multipart', ...row.out } }
}

function uploadRow({ written, value }: CurlOption, { hasMethod }: WholeCommand): ImportRow {
  return {
    setting: written,
    given: shownText(plainWord(value)),
    out: { format: 'raw' },
    // curl uploads with PUT.
    notes: [...(hasMethod ? [] : [note('method')]), note('bodyIsMessage')]
  }
}

/** Text with HL7 in it, between tags or in CDATA. */
function xmlRow({ option, text }: CurlData, entries: EntryOptions): ImportRow {
  const setting = option.written
  const before = /(?:<!\[CDATA\[|>)\s*(?=(?:MSH|FHS|BHS)\W)/.exec(text)
  const start = before === null ? 0 : before.index + before[0].length
  const length = text.slice(start).search(/\]\]>|<\//)
  if (before === null || length === -1 || hasVariable(option.value)) {
    const given = shownBody(text, textTemplate(text).secrets)
    return { setting, given, out: { format: 'text' }, notes: [note('templateByHand')] }
  }
  const read = textTemplate(text.slice(0, start) + MESSAGE + text.slice(start + length))
  const notes = read.escapes ? [note('templateEscapes')] : []
  return templateRow({ setting, out: { format: 'text' }, notes }, text, read, entries)
}

/** JSON in which the message is marked. */
function marked(value: unknown): unknown {
  if (typeof value === 'string') return isHl7(value) ? MESSAGE : value
  if (Array.isArray(value)) return value.map(marked)
  if (!isJsonObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, marked(one)]))
}

function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (Array.isArray(value)) return value.flatMap(textsOf)
  return isJsonObject(value) ? Object.values(value).flatMap(textsOf) : []
}

/** The content and parameters of a part, at the semicolons that stand outside of quotes; without these. */
function partsOf(text: string): string[] {
  const parts = text.match(/(?:"(?:\\.|[^"\\])*"?|[^;"])+/g) ?? []
  // One that is not closed is read once, not from each quote in it.
  return parts.map((part) =>
    part
      .trim()
      .replaceAll(/"((?:\\.|[^"\\])*)("?)/g, (whole: string, quoted: string, end: string) =>
        end === '' ? whole : quoted.replaceAll(/\\(.)/g, '$1')
      )
  )
}

const baseName = (path: string): string => path.replace(/^.*[\\/]/, '')
