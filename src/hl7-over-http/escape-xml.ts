import { english } from '../english.ts'
import { Hl7Error } from '../hl7/hl7-error.ts'
import { XML_ENTITIES } from '../xml-entities.ts'

/** What a document cannot contain in any form (XML 1.0 §2.2). */
const impossible = /[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u

/**
 * The text as content of an element or attribute, without a change in meaning: line ends stay what
 * they are.
 *
 * @throws {Hl7Error} `HL7_INVALID_MESSAGE` for characters that XML does not allow: without them, it
 * would be another text
 */
export function escapeXml(text: string): string {
  if (impossible.test(text)) {
    throw new Hl7Error('HL7_INVALID_MESSAGE', english('log', 'error.notXml'))
  }
  // A reader changes a CR in the text into a LF, and tab, LF and CR into blanks in an attribute (XML 1.0
  // §2.11, §3.3.3).
  return text.replace(
    /[&<>"'\t\n\r]/g,
    (character) => XML_ENTITIES.get(character) ?? `&#${character.charCodeAt(0)};`
  )
}
