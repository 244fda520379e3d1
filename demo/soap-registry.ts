/** A registry for immunizations with SOAP, as the CDC describes it (WSDL of 2011). */
import { createRequire } from 'node:module'
import type { ReceivedRequest, ReceiverAnswer } from './received-request.ts'

interface Tag {
  uri: string
  local: string
}
/** Comes with Node-RED; has no types. */
const { parser } = createRequire(import.meta.url)('sax') as {
  parser: (
    strict: true,
    options: { xmlns: true }
  ) => Record<'ontext' | 'oncdata', (text: string) => void> & {
    onopentag: (tag: Tag) => void
    onclosetag: () => void
    write(xml: string): { close(): void }
  }
}

const envelopes = {
  'http://schemas.xmlsoap.org/soap/envelope/': '1.1',
  'http://www.w3.org/2003/05/soap-envelope': '1.2'
} as const
/** The namespace of the service. */
export const REGISTRY = 'urn:cdc:iisb:2011'

/** What a registry reads in a request. */
export interface SubmittedMessage {
  version: '1.1' | '1.2'
  username: string
  password: string
  facilityID: string
  hl7Message: string
}

/**
 * Reads a submitSingleMessage request as a SOAP server does: with an XML parser, by namespaces, and
 * by the headers of its version of SOAP.
 *
 * @throws if it is not one
 */
export function readSubmission({ headers, body }: ReceivedRequest): SubmittedMessage {
  const path: string[] = []
  const texts = new Map<string, string>()
  let uri = ''
  const reader = parser(true, { xmlns: true })
  reader.onopentag = (tag) => {
    if (path.length === 0) uri = tag.uri
    path.push(path.length < 2 && tag.uri === uri ? tag.local : `${tag.uri} ${tag.local}`)
    texts.set(path.join('/'), '')
  }
  reader.ontext = reader.oncdata = (text) => {
    const key = path.join('/')
    texts.set(key, (texts.get(key) ?? '') + text)
  }
  reader.onclosetag = () => path.pop()
  // XML 1.0 §2.11; this parser leaves it to its user.
  reader.write(body.toString().replace(/\r\n?/g, '\n')).close()
  const version = envelopes[uri as keyof typeof envelopes]
  const type = headers['content-type'] ?? ''
  const action = `"${REGISTRY}:submitSingleMessage"`
  const fits =
    version === '1.1'
      ? type === 'text/xml; charset=utf-8' && headers['soapaction'] === action
      : type === `application/soap+xml; charset=utf-8; action=${action}`
  if (!fits) throw new Error(`Not SOAP: ${uri} ${type}`)
  const read = (element: string): string => {
    const text = texts.get(`Envelope/Body/${REGISTRY} submitSingleMessage/${REGISTRY} ${element}`)
    if (text === undefined) throw new Error(`No ${element}`)
    return text
  }
  return {
    version,
    username: read('username'),
    password: read('password'),
    facilityID: read('facilityID'),
    hl7Message: read('hl7Message')
  }
}

/** The reply of a registry: an acknowledgement, in CDATA by SOAP 1.1 and escaped by SOAP 1.2. */
export function answerSubmission(
  version: SubmittedMessage['version'],
  ack: string
): ReceiverAnswer {
  const text =
    version === '1.1'
      ? `<![CDATA[${ack}]]>`
      : ack.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('\r', '&#xD;')
  return inEnvelope(
    version,
    200,
    `<submitSingleMessageResponse xmlns="${REGISTRY}"><return>${text}</return></submitSingleMessageResponse>`
  )
}

/** @param body what is in the body of the envelope, as XML */
export function inEnvelope(
  version: SubmittedMessage['version'],
  status: number,
  body: string
): ReceiverAnswer {
  const uri = Object.entries(envelopes).find(([, known]) => known === version)?.[0] ?? ''
  return {
    status,
    headers: {
      'Content-Type': `${version === '1.1' ? 'text/xml' : 'application/soap+xml'}; charset=utf-8`
    },
    body: `<?xml version="1.0" encoding="UTF-8"?>\n<s:Envelope xmlns:s="${uri}"><s:Body>${body}</s:Body></s:Envelope>`
  }
}
