/** How receivers want a message packed, and how they pack their reply: that of the examples. */
import { answerSubmission, readSubmission } from './soap-registry.ts'
import type { ReceivedRequest, ReceiverAnswer } from './received-request.ts'

/** What was in a request. */
export interface PackedMessage {
  text: string
  /** Whether a user name and a password came with it, in place of a token. Any will do. */
  hasLogin: boolean
  /** Packs the acknowledgement as this receiver does. */
  pack: (acknowledgement: string, isAccepted: boolean) => ReceiverAnswer
}

/**
 * Takes the message out of the body of a request, by its content type:
 *
 * - a form, as older registries want it: user name, password and message in fields;
 * - an upload of a file, as New York wants it: the reply is JSON, or HL7 if the message is refused;
 * - JSON with base64, as Google Cloud Healthcare wants it, in the reply too;
 * - SOAP, as the CDC describes it: user name, password and message in elements;
 * - anything else is the message itself.
 *
 * Rejects if the body is not what its content type says.
 */
export async function unpack(request: ReceivedRequest): Promise<PackedMessage> {
  const type = request.headers['content-type'] ?? ''
  if (type.startsWith('application/x-www-form-urlencoded')) {
    const form = await fieldsOf(request)
    const hasLogin = ['USERID', 'PASSWORD'].every((name) => (form.get(name) ?? '') !== '')
    return { text: form.get('MESSAGEDATA') ?? '', hasLogin, pack: plainHl7 }
  }
  if (type.startsWith('multipart/form-data')) {
    const text = (await fieldsOf(request)).get('payload') ?? ''
    return {
      text,
      hasLogin: false,
      pack: (acknowledgement, isAccepted) =>
        isAccepted ? json({ status: 'received' }) : plainHl7(acknowledgement)
    }
  }
  if (type.startsWith('application/json')) {
    const { message } = JSON.parse(request.body.toString()) as { message: { data: string } }
    return {
      text: Buffer.from(message.data, 'base64').toString(),
      hasLogin: false,
      pack: (acknowledgement) => json({ hl7Ack: Buffer.from(acknowledgement).toString('base64') })
    }
  }
  if (/^(?:application\/soap\+xml|text\/xml)/.test(type)) {
    const { version, username, password, hl7Message } = readSubmission(request)
    return {
      text: hl7Message,
      hasLogin: username !== '' && password !== '',
      pack: (acknowledgement) => answerSubmission(version, acknowledgement)
    }
  }
  return { text: decode(request), hasLogin: false, pack: plainHl7 }
}

/** The fields of a form, and the texts of the files in it. */
async function fieldsOf({ headers, body }: ReceivedRequest): Promise<Map<string, string>> {
  const request = new Response(new Uint8Array(body), {
    headers: { 'Content-Type': headers['content-type'] ?? '' }
  })
  const fields = new Map<string, string>()
  for (const [name, value] of await request.formData()) {
    fields.set(name, typeof value === 'string' ? value : await value.text())
  }
  return fields
}

/** Decodes the message with the charset of the request, not with MSH-18 (HL7 over HTTP). */
function decode({ headers, body }: ReceivedRequest): string {
  const charset = /;\s?charset="?([\w.:-]+)/i.exec(headers['content-type'] ?? '')?.[1] ?? 'utf-8'
  try {
    return new TextDecoder(charset).decode(body)
  } catch {
    return body.toString('latin1')
  }
}

function plainHl7(acknowledgement: string): ReceiverAnswer {
  return {
    headers: { 'Content-Type': 'application/hl7-v2; charset=utf-8' },
    body: acknowledgement
  }
}

function json(value: object): ReceiverAnswer {
  return { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(value) }
}
