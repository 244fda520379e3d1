/** A SOAP fault: only names from its standards, nothing that it says. */
export interface SoapFault {
  /**
   * The standard code, such as `Sender`; or that of a refused login: `Client.Authentication`, as a subcode in SOAP 1.2
   * `Sender.Authentication` (spyne); `FailedAuthentication` (WS-Security 1.1 §12), `SecurityError` (Apache WSS4J); or
   * `ProcedureNotPresent` (SOAP 1.2 part 2 §4.4, there a subcode), as PHP has it. `UnknownAction` if the header SOAPAction
   * names no operation (CXF).
   */
  readonly code?: string
  /** The name of the element in its detail, such as `SecurityFault`; only names that end like those of errors, or `fault`. */
  readonly detail?: string
  readonly version?: SoapVersion
  /** It is one of the registries' WSDL. */
  readonly isOfRegistry: boolean
}

export type SoapVersion = '1.1' | '1.2'

const envelopes: readonly [namespace: string, SoapVersion][] = [
  ['http://schemas.xmlsoap.org/soap/envelope/', '1.1'],
  ['http://www.w3.org/2003/05/soap-envelope', '1.2']
]

/** The interface of immunization registries in the USA (CDC, 2011). */
const registry = 'urn:cdc:iisb:2011'

const envelope = /<(?:([\w.-]{1,40}):)?Envelope[\s>]/
const attribute = /\s([\w.:-]{1,80})\s{0,9}=\s{0,9}["']([^"']{0,200})["']/g
/** It is the first element of the body: one in an answer may have the same name. */
const fault = /<(?:[\w.-]{1,40}:)?Body(?:\s[^<>]{0,400})?>\s*<(?:[\w.-]{1,40}:)?Fault[\s>]/
/** The standard codes of SOAP 1.1 §4.4.1 and SOAP 1.2 part 1 §5.4.6, those of a refused login, and PHP's. */
const code =
  /<(?:[\w.-]{1,40}:)?(?:faultcode|Value)(?:\s[^<>]{0,400})?>\s{0,40}(?:[\w.-]{1,40}:)?(VersionMismatch|MustUnderstand|DataEncodingUnknown|Client(?:\.Authentication)?|Sender|Server|Receiver|FailedAuthentication|SecurityError|ProcedureNotPresent)[.<\s]/
const subcode =
  /<(?:[\w.-]{1,40}:)?Subcode>\s{0,40}<(?:[\w.-]{1,40}:)?Value(?:\s[^<>]{0,400})?>\s{0,40}(?:[\w.-]{1,40}:)?((?:Failed)?Authentication|SecurityError|ProcedureNotPresent)[.<\s]/
/** What PHP's SoapServer says of it, with the code `Server` or, in SOAP 1.2, `Receiver`. */
const unknownOperation =
  /<(?:faultstring|env:Text(?:\s[^<>]{0,100})?)>(?:Procedure '[^'<>]{1,200}' not present|Function '[^'<>]{1,200}' doesn't exist)</
/** What CXF says, with the code `Server`, or `Receiver`. */
const unknownAction =
  /<(?:faultstring|(?:[\w.-]{1,40}:)?Text)(?:\s[^<>]{0,100})?>The given SOAPAction [^<>]{0,500} does not match an operation\.?</
const detail =
  /<(?:[\w.-]{1,40}:)?[Dd]etail(?:\s[^<>]{0,400})?>\s{0,40}<(?:[\w.-]{1,40}:)?(fault|[A-Za-z]{1,40}(?:Fault|Exception|Error))[\s/>]/
const operation =
  /<(?:[\w.-]{1,40}:)?Body(?:\s[^<>]{0,400})?>\s{0,400}<(?:[\w.-]{1,40}:)?([A-Za-z_][\w.-]{0,59})[\s/>]/
/** What is quoted as text; one that does not end counts to the end. */
const quoted = /<!\[CDATA\[[^]*?(?:\]\]>|$)|<!--[^]*?(?:-->|$)/g

/** How much of a fault is searched, and of a document for its envelope. */
const searched = 16_384

/**
 * The SOAP fault that a reply in XML is; undefined if it is none. Its text and details can repeat the message, so they
 * are not read.
 */
export function readSoapFault(xml: string): SoapFault | undefined {
  if (!xml.trimStart().startsWith('<') || !xml.includes('Fault')) return undefined
  const document = xml.replace(quoted, '')
  const at = document.search(fault)
  if (at === -1 || !envelope.test(document.slice(0, at))) return undefined
  const text = document.slice(at, at + searched)
  const itsCode = codeIn(text)
  const [, itsDetail] = detail.exec(text) ?? []
  const version = soapVersion(document)
  return {
    ...(itsCode !== undefined && { code: itsCode }),
    ...(itsDetail !== undefined && { detail: itsDetail }),
    ...(version !== undefined && { version }),
    // gSOAP and node-soap declare it at the envelope.
    isOfRegistry: document.slice(0, at + searched).includes(registry)
  }
}

function codeIn(text: string): string | undefined {
  if (unknownOperation.test(text)) return UNKNOWN_OPERATION
  if (unknownAction.test(text)) return UNKNOWN_ACTION
  const [, itsCode] = code.exec(text) ?? []
  const [, itsSubcode] = (itsCode === 'Sender' && subcode.exec(text)) || []
  return itsSubcode === undefined ? itsCode : `Sender.${itsSubcode}`
}

/** The server does not have the operation that the body of the request names. */
export const UNKNOWN_OPERATION = 'ProcedureNotPresent'

/** The header SOAPAction names none of its operations. */
export const UNKNOWN_ACTION = 'UnknownAction'

/** The name of the first element in a SOAP body, without its prefix: of a request, the operation. */
export function soapOperation(xml: string): string | undefined {
  const document = xml.slice(0, searched).replace(quoted, '')
  return operation.exec(document)?.[1]
}

/** The version of a SOAP envelope; undefined if it is none. */
export function soapVersion(xml: string): SoapVersion | undefined {
  const start = xml.slice(0, searched)
  const found = envelope.exec(start)
  if (found === null) return undefined
  const [, prefix] = found
  // That of the other version may be declared there, too, or at the fault (CXF).
  const own = prefix === undefined ? 'xmlns' : `xmlns:${prefix}`
  const [tag = ''] = start.slice(found.index).split('>', 1)
  const [, , itsNamespace] = [...tag.matchAll(attribute)].find(([, name]) => name === own) ?? []
  return envelopes.find(([namespace]) => namespace === itsNamespace)?.[1]
}
