import { decodeReply } from '../hl7/charset.ts'
import { readReplyMessage, type ReplyMessage } from '../hl7/reply-message.ts'
import { textsOfJson } from './json-reply.ts'
import { JsonReader } from './parse-json.ts'
import { decodeBase64, findReply, readReplyText, type ReplyEncoding } from './reply-text.ts'

export type { ReplyEncoding }

export interface ReplyBodyOptions {
  readonly replyEncoding: ReplyEncoding
  /**
   * The compiled `replyPath`: picks the HL7 text out of a JSON body, in place of the automatic
   * search. Where it throws or rejects, nothing was found.
   */
  readonly pick?: (json: unknown) => unknown
}

/** A reply body, read. */
export interface ReplyBody {
  /** The whole body as text; with `replyEncoding` `base64` what it stands for, if it is base64. */
  readonly text: string
  /** The HL7 text in it: unframed, CR-separated; `''` if there is none. */
  readonly hl7: string
  /** That text, read; `null` if there is none. */
  readonly message: ReplyMessage | null
  /** Why it is not known what the reply says, though it could be read. */
  readonly problem?: string
}

/**
 * Finds the HL7 in a reply body: raw, framed or in a batch whatever the content type says; in JSON;
 * in base64. Only what reads as HL7 counts. No bytes make it reject, or take long.
 *
 * @param contentType - the response header, of which only the charset counts
 */
export async function readReplyBody(
  body: Uint8Array,
  contentType: string | undefined,
  options: ReplyBodyOptions
): Promise<ReplyBody> {
  if (body.length === 0) return { text: '', hl7: '', message: null }
  const { replyEncoding, pick } = options
  const text = decodeReply(body, charsetParameter(contentType))
  const reader = new JsonReader()
  const json = reader.read(text)
  if (json !== undefined) {
    const picked = pick === undefined ? json : await pickFrom(json, pick)
    const found = findReply(textsOfJson(picked, reader), replyEncoding)
    return reader.exceeded ? tooManyValues(text) : replyBody(text, found)
  }
  if (reader.exceeded) return tooManyValues(text)
  const bytes = replyEncoding === 'base64' ? decodeBase64(text) : null
  if (bytes !== null) {
    const decoded = decodeReply(bytes, undefined)
    return replyBody(decoded, readReplyMessage(decoded))
  }
  return replyBody(text, readReplyText(text, replyEncoding))
}

/** The charset parameter (RFC 9110 §8.3.2), quoted or not, outside of what else is quoted. */
function charsetParameter(contentType = ''): string | undefined {
  const parts = contentType.matchAll(/"[^"]*"?|;\s*charset\s*=\s*["']?([^;"']*)/gi)
  for (const [, value] of parts) if (value) return value
  return undefined
}

function replyBody(text: string, message: ReplyMessage | null): ReplyBody {
  return { text, hl7: message?.text ?? '', message }
}

/** A refusal may stand behind what was read: without it nothing is known. */
function tooManyValues(text: string): ReplyBody {
  return { ...replyBody(text, null), problem: 'the answer is JSON of too many values' }
}

async function pickFrom(json: unknown, pick: (json: unknown) => unknown): Promise<unknown> {
  try {
    const picked = await pick(json)
    return isFunction(picked) ? null : picked
  } catch {
    return null
  }
}

/** A function of JSONata holds the whole reply in its environment: that is not what was picked. */
function isFunction(value: unknown): boolean {
  return typeof value === 'object' && value !== null
    ? '_jsonata_lambda' in value || '_jsonata_function' in value
    : typeof value === 'function'
}
