import { withoutEcho, type Quotable } from '../hl7/echo.ts'
import { readReplyMessage, type ReplyMessage } from '../hl7/reply-message.ts'
import { parseJson } from '../json-text.ts'
import { findReply, readReplyText, startsLikeJson, type Base64Reader } from './find-reply.ts'
import { readSoapFault, type SoapFault } from './soap-fault.ts'
import { seemsToRefuse } from './unread-refusal.ts'
import { xmlTexts } from './xml-texts.ts'

export interface ReplyBodyOptions {
  /**
   * The compiled `replyPath`: picks the HL7 text out of a JSON body, instead of the automatic
   * search. If it throws or rejects, nothing was found.
   */
  readonly pick?: (json: unknown) => unknown
}

/** The content of a reply body. */
export interface ReplyBody {
  /** The whole body as text, of a multipart body the root part. */
  readonly text: string
  /** The whole body, where `text` is only a part of it. */
  readonly whole?: string
  /** The HL7 text in it: unframed, CR-separated; `''` if there is none. */
  readonly hl7: string
  /** That text, parsed; `null` if there is none. */
  readonly message: ReplyMessage | null
  /** The SOAP fault that the body is. */
  readonly fault?: SoapFault
  /** It has more parts than are searched. */
  readonly hasUnreadParts?: true
}

/**
 * Finds the HL7 in the text of a reply body: raw, framed or in a batch; in JSON or XML; in base64. Only what reads as HL7
 * counts. Never rejects. It also runs in the browser, where rules are tried.
 *
 * @param sent - what this is the reply to: where it is quoted, that is no reply
 * @param parts - of a multipart body, any of which may be the reply; null if there are more than are searched
 */
export async function readReplyInText(
  text: string,
  options: ReplyBodyOptions,
  base64: Base64Reader,
  sent?: Quotable,
  parts: readonly string[] | null = []
): Promise<ReplyBody> {
  if (parts === null) return { ...replyBody(text, null), hasUnreadParts: true }
  const unquoted = (message: ReplyMessage | null): ReplyMessage | null =>
    message === null || sent === undefined ? message : withoutEcho(message, sent)
  const whole = await readOne(text, options, base64, unquoted)
  if (parts.length === 0 || whole.message !== null || whole.fault !== undefined) return whole
  const once = { ...options, ...(options.pick && { pick: pickOnce(options.pick) }) }
  const read = await Promise.all(parts.map((part) => readOne(part, once, base64, unquoted)))
  const fault = read.find((part) => part.fault !== undefined)?.fault
  const found = findReply(
    read.map(({ hl7 }) => hl7),
    (hl7) => unquoted(readReplyMessage(hl7))
  )
  // One part accepts, but another that is not understood seems to refuse.
  const isDoubtful =
    read.some((part) => part.message?.msa === undefined && seemsToRefuse(part.text)) &&
    !seemsToRefuse(found?.text ?? '') &&
    !seemsToRefuse(sent?.text ?? '')
  const body = replyBody(text, isDoubtful ? null : found)
  return fault === undefined ? body : { ...body, fault }
}

/** @param unquoted leaves out what is quoted of the message that was sent */
async function readOne(
  text: string,
  { pick }: ReplyBodyOptions,
  base64: Base64Reader,
  unquoted: (message: ReplyMessage | null) => ReplyMessage | null
): Promise<ReplyBody> {
  const read = (one: string): ReplyMessage | null => unquoted(readReplyText(one, base64))
  const json = startsLikeJson(text) ? parseJson(text) : undefined
  if (json !== undefined) {
    const value = pick === undefined ? json : await pickFrom(json, pick)
    return replyBody(text, findReply([value], read))
  }
  const fault = readSoapFault(text)
  const inXml = findReply(xmlTexts(text), read)
  if (fault !== undefined) return { ...replyBody(text, inXml), fault }
  if (inXml !== null) return replyBody(text, inXml)
  return replyBody(text, read(text))
}

function replyBody(text: string, message: ReplyMessage | null): ReplyBody {
  return { text, hl7: message?.text ?? '', message }
}

/** It may take as long as its limit: for a reply once, however many JSON parts it has. */
function pickOnce(pick: (json: unknown) => unknown): (json: unknown) => unknown {
  let isPicked = false
  return (json) => {
    if (isPicked) return null
    isPicked = true
    return pick(json)
  }
}

async function pickFrom(json: unknown, pick: (json: unknown) => unknown): Promise<unknown> {
  try {
    const picked = await pick(json)
    return isFunction(picked) ? null : picked
  } catch {
    return null
  }
}

/** A JSONata function holds its environment, which has no end: it is not what was picked. */
function isFunction(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    ('_jsonata_lambda' in value || '_jsonata_function' in value)
  )
}
