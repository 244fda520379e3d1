import { randomBytes } from 'node:crypto'
import { english } from '../english.ts'
import { encode } from '../hl7/charset.ts'
import { Hl7Error } from '../hl7/hl7-error.ts'
import type { OutgoingMessage } from '../hl7/outgoing-message.ts'
import { typeParameters } from '../http-client/http-header-parameter.ts'
import { ExpressionError } from './expression-error.ts'
import { ExpressionTimeout, MOST_EVALUATION_SECONDS } from './expression-timeout.ts'

/** How the message is packed into the body of a request. */
export type BodyFormat = 'raw' | 'mllp' | 'form' | 'multipart' | 'json' | 'text'

/** A form field besides the message's, or a value for the template, for this attempt. */
export interface FormField {
  name: string
  value: string
}

export interface RequestBodySettings {
  format: BodyFormat
  /** Empty: the format's default. */
  contentType: string
  /** Field of a form, part of a multipart body. */
  bodyField: string
  bodyFileName: string
  bodyPartType: string
  /** For all formats but raw and mllp. */
  bodyEncoding: 'text' | 'base64'
  /** What to send as json or text. Without it, json is `{"message": text}`; text needs it. */
  bodyTemplate?: BodyTemplate | undefined
}

/**
 * The JSON value or text to send.
 *
 * @param text the encoded HL7 text
 * @param fields the values of the fields, by name
 * @param context the message that it is about
 */
export type BodyTemplate = (
  text: string,
  fields: Readonly<Record<string, string>>,
  context: TemplateContext
) => Promise<unknown>

/** What a body is made of, besides its settings. */
interface TemplateContext {
  message: OutgoingMessage
  /** The flow's message. */
  input: unknown
  /** One for each message and place, in all attempts of the message. */
  uuid: (place: string) => string
}

export interface RequestBody {
  body: Buffer
  contentType: string
}

/** HL7 v2 over HTTP, as HAPI sends it. */
const HL7_TYPE = 'application/hl7-v2'
const FORM_TYPE = 'application/x-www-form-urlencoded'
const START_BLOCK = Buffer.from([0x0b])
const END_BLOCK = Buffer.from([0x1c, 0x0d])

/**
 * Packs a message into the body that the receiver expects.
 *
 * Form, json and text are UTF-8; raw, mllp, multipart and base64 carry the message's own bytes.
 *
 * @param fields additional fields of form and multipart; in json and text, values for the template
 * @throws {Hl7Error} `HL7_INVALID_MESSAGE` if the format needs text and the bytes are not valid in
 * their set, or a value cannot be sent; `HL7_CONFIG` if the template fails
 */
export async function buildRequestBody(
  settings: RequestBodySettings,
  fields: readonly FormField[],
  context: TemplateContext
): Promise<RequestBody> {
  const { format, contentType } = settings
  const { message } = context
  switch (format) {
    case 'raw':
      return { body: message.bytes, contentType: contentType || hl7Type(message) }
    case 'mllp':
      // In UTF-16, a character may have these bytes.
      if (message.bytes.includes(END_BLOCK)) {
        const text = english('log', 'error.endBlockInside', { charset: message.charset })
        throw new Hl7Error('HL7_INVALID_MESSAGE', text)
      }
      return {
        body: Buffer.concat([START_BLOCK, message.bytes, END_BLOCK]),
        contentType: contentType || hl7Type(message)
      }
    case 'form': {
      expectCharacters(fields)
      const pairs = [
        ...fields.map(({ name, value }): [string, string] => [name, value]),
        [settings.bodyField, encodedText(message, settings)] satisfies [string, string]
      ]
      return {
        body: Buffer.from(new URLSearchParams(pairs).toString()),
        contentType: contentType || formType(pairs)
      }
    }
    case 'multipart':
      expectCharacters(fields)
      return multipart(message, settings, fields)
    case 'json': {
      const value =
        settings.bodyTemplate === undefined
          ? { message: encodedText(message, settings) }
          : await filledTemplate(settings, fields, context)
      return { body: Buffer.from(jsonOf(value)), contentType: contentType || 'application/json' }
    }
    case 'text': {
      const text = await filledTemplate(settings, fields, context)
      if (typeof text !== 'string') throw templateError('templateNoText')
      if (!text.isWellFormed()) throw halfCharacter('bodyHalfCharacter')
      return { body: Buffer.from(text), contentType: contentType || 'text/plain; charset=utf-8' }
    }
  }
}

async function filledTemplate(
  settings: RequestBodySettings,
  fields: readonly FormField[],
  context: TemplateContext
): Promise<unknown> {
  const text = encodedText(context.message, settings)
  const values = Object.fromEntries(fields.map(({ name, value }) => [name, value]))
  try {
    return await settings.bodyTemplate?.(text, values, context)
  } catch (error) {
    if (error instanceof Hl7Error) throw error
    if (error instanceof ExpressionError) {
      const { code, line } = error
      throw new Hl7Error('HL7_CONFIG', english('log', 'error.templateFailedAt', { code, line }))
    }
    // An error that an expression throws can contain parts of the message.
    throw templateError(error instanceof ExpressionTimeout ? 'templateSlow' : 'templateFailed')
  }
}

function jsonOf(value: unknown): string {
  let json: string | undefined
  try {
    json = stringify(value)
  } catch {
    throw templateError('templateNotJson')
  }
  if (json === undefined) throw templateError('templateNothing')
  return json
}

/** Its type leaves out that some values have no JSON. */
const stringify: (value: unknown) => string | undefined = JSON.stringify

function templateError(
  key: 'templateNoText' | 'templateNothing' | 'templateNotJson' | 'templateSlow' | 'templateFailed'
): Hl7Error {
  return new Hl7Error(
    'HL7_CONFIG',
    english('log', `error.${key}`, { seconds: MOST_EVALUATION_SECONDS })
  )
}

function encodedText(message: OutgoingMessage, { bodyEncoding }: RequestBodySettings): string {
  if (bodyEncoding === 'base64') return message.bytes.toString('base64')
  const { text } = message
  if (text.includes('\ufffd') && !isWhole(message)) {
    const { charset } = message
    throw new Hl7Error('HL7_INVALID_MESSAGE', english('log', 'error.bytesNotText', { charset }))
  }
  return text
}

/** Whether the text represents all bytes: U+FFFD may be in the message itself, or replace bytes. */
function isWhole({ text, charset, bytes }: OutgoingMessage): boolean {
  try {
    return encode(text, charset).equals(bytes)
  } catch {
    return false
  }
}

/** A type that is typed goes as it is: some receivers compare all of it (Medplum). Ours says the charset. */
function hl7Type({ charset }: OutgoingMessage): string {
  return withCharset(HL7_TYPE, charset)
}

/** Its charset where that matters: without one, Tomcat reads a form as ISO-8859-1. */
function formType(pairs: readonly [string, string][]): string {
  const isAscii = pairs.flat().every((text) => /^[\0-\x7f]*$/.test(text))
  return isAscii ? FORM_TYPE : withCharset(FORM_TYPE, 'utf-8')
}

/** Adds the charset to a content type, unless it names one. */
function withCharset(type: string, charset: string): string {
  const isNamed = typeParameters(type, 'charset').length > 0
  return isNamed ? type : `${type}; charset=${charset}`
}

function expectCharacters(fields: readonly FormField[]): void {
  for (const { name, value } of fields) {
    if (!value.isWellFormed()) throw halfCharacter('fieldHalfCharacter', name)
  }
}

/** It would be sent as another character. */
function halfCharacter(key: 'bodyHalfCharacter' | 'fieldHalfCharacter', name = ''): Hl7Error {
  return new Hl7Error('HL7_INVALID_MESSAGE', english('log', `error.${key}`, { name }))
}

/**
 * `multipart/form-data` (RFC 7578), built here so that the message is copied once and not changed.
 */
function multipart(
  message: OutgoingMessage,
  settings: RequestBodySettings,
  fields: readonly FormField[]
): RequestBody {
  const boundary = `----hl7-${randomBytes(18).toString('hex')}`
  const part = (name: string, more = ''): string =>
    `--${boundary}\r\nContent-Disposition: form-data; name="${quotable(name)}"${more}\r\n\r\n`
  const { bodyField, bodyFileName, bodyPartType, bodyEncoding } = settings
  const head = fields.map(({ name, value }) => `${part(name)}${value}\r\n`).join('')
  const isBase64 = bodyEncoding === 'base64'
  // Base64 is ASCII, whatever set the encoded bytes are in.
  const type = isBase64 ? bodyPartType : withCharset(bodyPartType, message.charset)
  const file = `; filename="${quotable(bodyFileName)}"\r\nContent-Type: ${type}`
  return {
    body: Buffer.concat([
      Buffer.from(head + part(bodyField, file)),
      isBase64 ? Buffer.from(message.bytes.toString('base64')) : message.bytes,
      Buffer.from(`\r\n--${boundary}--\r\n`)
    ]),
    contentType: `${settings.contentType || 'multipart/form-data'}; boundary=${boundary}`
  }
}

/** Escapes a quoted name as browsers do (WHATWG HTML, "multipart form data"). */
function quotable(name: string): string {
  return name.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}
