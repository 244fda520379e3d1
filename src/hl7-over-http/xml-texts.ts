import { resolveReferences } from '../xml-entities.ts'

/**
 * The texts in an XML document (XML 1.0), in order: of each element, what is between two tags, with
 * references resolved and CDATA sections joined to it. Attributes are not read. A CR or LF is kept:
 * HL7 reads both as the end of a segment.
 *
 * This is a scan, not a parser: it does not check that tags match, and takes linear time.
 *
 * @returns no texts if it is not XML, is cut off inside a tag, comment or CDATA section, has a DTD,
 *   or is a page in HTML: what that quotes is not an answer
 */
export function xmlTexts(xml: string): string[] {
  if (!xml.trimStart().startsWith('<')) return []
  const texts: string[] = []
  let text = ''
  let hasElement = false
  let end = 0
  for (let at = xml.indexOf('<'); at !== -1; at = xml.indexOf('<', end)) {
    text += resolveReferences(xml.slice(end, at))
    if (xml.startsWith('<!--', at)) end = after('-->', xml, at + 4)
    else if (xml.startsWith('<?', at)) end = after('?>', xml, at + 2)
    else if (xml.startsWith(cdata, at)) {
      end = after(']]>', xml, at + cdata.length)
      text += xml.slice(at + cdata.length, end - 3)
    } else {
      if (!isAt(tag, xml, at) || (!hasElement && isAt(htmlTag, xml, at))) return []
      if (hasElement && text.trim() !== '') texts.push(text)
      hasElement = true
      text = ''
      end = afterTag(xml, at + 1)
    }
    if (end === 0) return []
  }
  return texts
}

const cdata = '<![CDATA['

/** How a tag begins, unlike a DTD or a lone `<`. */
const tag = /<\/?[^\s/<>="'&;!?]/y

/** An element that an error page in HTML, or a piece of one, begins with. */
const htmlTag = /<(?:[^\s/<>:]*:)?(?:html|head|title|h[1-6]|p|pre|div|span|center|font)[\s/>]/iy

function isAt(pattern: RegExp, xml: string, at: number): boolean {
  pattern.lastIndex = at
  return pattern.test(xml)
}

/** The position after the next `mark`; 0 if there is none. */
function after(mark: string, xml: string, from: number): number {
  const found = xml.indexOf(mark, from)
  return found === -1 ? 0 : found + mark.length
}

const sign = /[<>"']/g

/** The position after the `>` of a tag, outside quotes; 0 if it has none. */
function afterTag(xml: string, from: number): number {
  sign.lastIndex = from
  for (let found = sign.exec(xml)?.[0]; found !== undefined; found = sign.exec(xml)?.[0]) {
    if (found === '>') return sign.lastIndex
    if (found === '<') return 0
    sign.lastIndex = after(found, xml, sign.lastIndex)
    if (sign.lastIndex === 0) return 0
  }
  return 0
}

/** How many bytes of a document may precede the end of its declaration. */
const declarationLength = 200

/** The encoding that a document's declaration names (XML 1.0 §2.8); undefined if it names none. */
export function declaredXmlCharset(bytes: Uint8Array): string | undefined {
  const start = Buffer.from(bytes.subarray(0, declarationLength)).toString('latin1')
  return /^\s*<\?xml\s[^>]*?\sencoding\s*=\s*["']([\w.:-]+)/.exec(start)?.[1]
}
