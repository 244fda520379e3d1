import type { CurlOption } from './curl-options.ts'
import { plainWord, variableOf } from './curl-words.ts'

/** A piece of data: a text, or the name of a file; with a name if it is a field of a form. */
export interface CurlData {
  option: CurlOption
  /** Undefined if it is no field. */
  name: string | undefined
  /** What is sent; of a file, its name. */
  text: string
  isFile: boolean
}

const DATA = [
  'data',
  'data-ascii',
  'data-binary',
  'data-raw',
  'data-urlencode',
  'json',
  'url-query'
]

export const isData = ({ name }: CurlOption): boolean => DATA.includes(name)

export const isPart = ({ name }: CurlOption): boolean => name === 'form' || name === 'form-string'

/** The data of an option, as they are written. */
export function wholeData(option: CurlOption): CurlData {
  const { name, value } = option
  const isFile = name !== 'data-raw' && value.startsWith('@')
  return { option, name: undefined, text: plainWord(isFile ? value.slice(1) : value), isFile }
}

/** The fields of a form that an option sends; undefined if that is no form. */
export function formFields(option: CurlOption): CurlData[] | undefined {
  if (option.name === 'data-urlencode') return [urlEncoded(option)]
  if (isPart(option)) return [partOf(option)]
  if (option.value.startsWith('@')) return undefined
  const pieces = option.value.split('&')
  const isForm = pieces.every((piece) => /^[\w.[\]%+-]+=/.test(piece))
  return isForm ? pieces.map((piece) => fieldOf(option, piece)) : undefined
}

function fieldOf(option: CurlOption, piece: string): CurlData {
  const [, name = '', value = ''] = /^([^=]*)=([^]*)$/.exec(piece) ?? []
  return { option, name: decoded(name), text: withVariable(value, true), isFile: false }
}

/** A part of a file upload. */
function partOf(option: CurlOption): CurlData {
  const [, name = '', value = ''] = /^([^=]*)=([^]*)$/.exec(option.value) ?? ['', option.value]
  const isFile = option.name === 'form' && /^[@<]/.test(value)
  return { option, name, text: withVariable(value, false), isFile }
}

/** `content`, `=content`, `name=content`, `@file` or `name@file`. */
function urlEncoded(option: CurlOption): CurlData {
  const [, name, sign, rest] = /^([^=@]*)([=@])([^]*)$/.exec(option.value) ?? []
  if (name === undefined || rest === undefined) return wholeData(option)
  const isFile = sign === '@'
  const text = isFile ? plainWord(rest) : withVariable(rest, false)
  return { option, name: name === '' ? undefined : name, text, isFile }
}

/** A value; of a variable, as an environment variable of Node-RED is written. */
function withVariable(value: string, isEncoded: boolean): string {
  const variable = variableOf(value)
  if (variable !== undefined) return `\${${variable}}`
  return isEncoded ? decoded(plainWord(value)) : plainWord(value)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    // A percent sign that encodes nothing.
    return text
  }
}
