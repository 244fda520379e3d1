/** The standard codes of SOAP 1.1 §4.4.1 and SOAP 1.2 part 1 §5.4.6. */
const code =
  /<(?:[\w.-]{1,40}:)?(?:faultcode|Value)(?:\s[^<>]{0,400})?>\s{0,40}(?:[\w.-]{1,40}:)?(VersionMismatch|MustUnderstand|DataEncodingUnknown|Client|Sender|Server|Receiver)[.<\s]/
const fault = /<(?:[\w.-]{1,40}:)?Fault[\s>]/

/** How much of an answer is searched. */
const searched = 16_384

/**
 * The standard code of a SOAP fault, such as `Sender`; undefined if there is none. Nothing else of a
 * fault may be shown: its text and details can repeat the message.
 */
export function soapFaultCode(text: string): string | undefined {
  const start = text.slice(0, searched)
  const at = start.search(fault)
  return at === -1 ? undefined : code.exec(start.slice(at))?.[1]
}
