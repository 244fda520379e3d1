/**
 * How many elements the XML of one reply may have, and how many each document in it counts as. A
 * SOAP reply has a dozen.
 */
const maxElements = 10_000
const elementsPerDocument = 20
/** How many ampersands they may have: to resolve 400 000 references would take 50 ms. */
const maxAmpersands = 100_000

/** Reads the XML documents of one reply, up to a number of elements and of references. */
export class XmlReader {
  #left = maxElements
  #ampersandsLeft = maxAmpersands
  /** The limit was exceeded: what the reply says is unknown. */
  exceeded = false

  /**
   * The texts in a document (XML 1.0), in order: of each element, what is between two tags, with
   * references resolved and CDATA sections joined to it. Attributes are not read. A CR or LF is
   * kept: HL7 reads both as the end of a segment.
   *
   * Nothing is read that could cost more than its length: there is no DTD and no entity but the
   * five of XML. So an ampersand that begins nothing known is an ampersand: programs that
   * concatenate strings write MSH-2 that way.
   *
   * @returns undefined if it is not one whole document, has a DTD, or is a page in HTML: what that
   *   quotes is not an answer
   */
  read(text: string): string[] | undefined {
    if (this.exceeded || !startsLikeXml(text)) return undefined
    this.#left -= elementsPerDocument
    this.#ampersandsLeft -= text.split('&', this.#ampersandsLeft + 2).length - 1
    const texts = this.#ampersandsLeft < 0 ? undefined : this.#read(text)
    this.exceeded = this.#left < 0 || this.#ampersandsLeft < 0
    return this.exceeded ? undefined : texts
  }

  #read(xml: string): string[] | undefined {
    const texts: string[] = []
    const open: string[] = []
    let hasRoot = false
    let text = ''
    const endText = (): void => {
      if (text.trim() !== '') texts.push(text)
      text = ''
    }
    for (let at = xml.indexOf('<'); at !== -1;) {
      let end: number
      if (xml.startsWith('<!--', at)) {
        end = after(xml, '-->', at + 4)
      } else if (xml.startsWith('<?', at)) {
        end = after(xml, '?>', at + 2)
      } else if (xml.startsWith(cdata, at)) {
        end = after(xml, ']]>', at + cdata.length)
        if (open.length === 0) return undefined
        text += xml.slice(at + cdata.length, end - 3)
      } else if (xml.startsWith('</', at)) {
        end = after(xml, '>', at + 2)
        if (open.pop() !== xml.slice(at + 2, end - 1).trimEnd()) return undefined
        endText()
      } else {
        const name = nameAt(xml, at + 1)
        end = endOfTag(xml, at + 1 + name.length)
        if (name === '' || (open.length === 0 && (hasRoot || isHtml(name)))) return undefined
        if (--this.#left < 0) return undefined
        hasRoot = true
        endText()
        if (xml[end - 2] !== '/') open.push(name)
      }
      if (end === 0) return undefined
      at = xml.indexOf('<', end)
      const between = xml.slice(end, at === -1 ? xml.length : at)
      if (open.length > 0) text += resolved(between)
      else if (between.trim() !== '') return undefined
    }
    return hasRoot && open.length === 0 ? texts : undefined
  }
}

/** How many bytes of a document may precede the end of its declaration. */
const declarationLength = 200

/** The encoding that a document's declaration names (XML 1.0 §2.8); undefined if it names none. */
export function declaredXmlCharset(bytes: Uint8Array): string | undefined {
  const start = Buffer.from(bytes.subarray(0, declarationLength)).toString('latin1')
  return /^\s*<\?xml\s[^>]*?\sencoding\s*=\s*["']([\w.:-]+)/.exec(start)?.[1]
}

const cdata = '<![CDATA['

/** Looks at the first character only. */
function startsLikeXml(text: string): boolean {
  return text.trimStart().startsWith('<')
}

/** The position after the next `mark`; 0 if there is none. */
function after(xml: string, mark: string, from: number): number {
  const found = xml.indexOf(mark, from)
  return found === -1 ? 0 : found + mark.length
}

const tagName = /[\p{L}_:][^\s/<>="'&;!?]*/uy

/** The name of the element that starts there; `''` for a DTD and anything else. */
function nameAt(xml: string, at: number): string {
  tagName.lastIndex = at
  return tagName.exec(xml)?.[0] ?? ''
}

/** The position after the `>` of a start tag, outside quotes; 0 if it has none. */
function endOfTag(xml: string, from: number): number {
  for (let at = from; at < xml.length; at++) {
    const code = xml.charCodeAt(at)
    if (code === greater) return at + 1
    if (code === less) return 0
    if (code === quote || code === apostrophe) {
      at = xml.indexOf(xml.charAt(at), at + 1)
      if (at === -1) return 0
    }
  }
  return 0
}

const [quote, apostrophe, less, greater] = [0x22, 0x27, 0x3c, 0x3e]

/** Whether it is an element of HTML that an error page, or a piece of one, begins with. */
function isHtml(name: string): boolean {
  const localName = name.slice(name.lastIndexOf(':') + 1)
  return /^(?:html|h[1-6]|p|pre|div|span|center|font)$/i.test(localName)
}

const reference = /&(?:amp|lt|gt|quot|apos|#\d{1,9}|#x[\da-fA-F]{1,8});/g

const entities = new Map([
  ['&amp;', '&'],
  ['&lt;', '<'],
  ['&gt;', '>'],
  ['&quot;', '"'],
  ['&apos;', "'"]
])

function resolved(text: string): string {
  return text.replace(reference, (written) => entities.get(written) ?? characterOf(written))
}

/** The character of a numeric reference; as written if there is none. */
function characterOf(written: string): string {
  // `0x41` and `065` are read as XML means them.
  const code = Number(`0${written.slice(2, -1)}`)
  const isCharacter = code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff)
  return isCharacter ? String.fromCodePoint(code) : written
}
