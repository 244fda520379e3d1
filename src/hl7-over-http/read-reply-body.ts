import { decodeReply } from '../hl7/charset.ts'
import type { Quotable } from '../hl7/echo.ts'
import { typeParameter } from '../http-client/http-header-parameter.ts'
import { base64Reader } from './base64.ts'
import { readReplyInText, type ReplyBody, type ReplyBodyOptions } from './read-reply-in-text.ts'
import { equalParts, rootPart, type Part } from './root-part.ts'
import { declaredXmlCharset } from './xml-texts.ts'

/**
 * Finds the HL7 in a reply body, whatever the content type says, also in the parts of a multipart body. Never rejects
 * and never takes long, whatever the bytes.
 *
 * @param contentType - the response header: its charset, and the parts of a multipart body
 * @param sent - what this is the reply to: where it is quoted, that is no reply
 */
export async function readReplyBody(
  body: Uint8Array,
  contentType: string | undefined,
  options: ReplyBodyOptions,
  sent?: Quotable
): Promise<ReplyBody> {
  const root = rootPart(body, contentType)
  const parts = equalParts(body, contentType)?.map(textOf) ?? null
  const read = await readReplyInText(textOf(root), options, base64Reader, sent, parts)
  return root.body === body ? read : { ...read, whole: decodeReply(body, undefined) }
}

function textOf({ body, contentType = '' }: Part): string {
  return decodeReply(body, typeParameter(contentType, 'charset') ?? declaredXmlCharset(body))
}
