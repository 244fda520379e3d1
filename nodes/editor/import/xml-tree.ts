/** An element of a source. Elements within are `children`; of text, `text` has all that is directly in it. */
export interface XmlElement {
  name: string
  attributes: Readonly<Record<string, string>>
  children: readonly XmlElement[]
  /** The first child of each name. */
  first: ReadonlyMap<string, XmlElement>
  text: string
}

/** An element of what was read of it. */
export function xmlElement(read: Omit<XmlElement, 'first'>): XmlElement {
  const first = new Map<string, XmlElement>()
  for (const child of read.children) if (!first.has(child.name)) first.set(child.name, child)
  return { ...read, first }
}

/** What is needed of a node of the DOM. */
interface DomNode {
  readonly nodeType: number
  readonly nodeName: string
  readonly nodeValue: string | null
  readonly childNodes: ArrayLike<DomNode>
  readonly attributes?: ArrayLike<{ readonly name: string; readonly value: string }>
}

/** The browser's `DOMParser`, or another one. */
export interface XmlParser {
  parseFromString(text: string, type: 'text/xml'): { readonly documentElement: unknown }
}

const ELEMENT = 1
const TEXT = 3
const CDATA = 4

/** Deeper than any export, and any JSON: what is deeper was made to break something. */
export const MAX_DEPTH = 60

/**
 * Reads XML. The caller has refused document types: nothing is fetched, and no entity grows.
 *
 * @returns undefined if it is not well-formed
 */
export function readXml(text: string, parser: XmlParser): XmlElement | undefined {
  let root: DomNode | null
  try {
    root = parser.parseFromString(text, 'text/xml').documentElement as DomNode | null
  } catch {
    // Other parsers than a browser's throw.
    return undefined
  }
  const read = root === null ? undefined : readElement(root, 0)
  return read === undefined || hasError(read) ? undefined : read
}

/** All elements of that name, in the order of the document, the one itself included. */
export function allNamed(element: XmlElement, name: string): XmlElement[] {
  const within = element.children.flatMap((child) => allNamed(child, name))
  return element.name === name ? [element, ...within] : within
}

/** The first child of that name. */
export function childOf(element: XmlElement | undefined, name: string): XmlElement | undefined {
  return element?.first.get(name)
}

/** The text of the first child of that name, without blanks at its ends; empty if there is none. */
export function textOf(element: XmlElement | undefined, name: string): string {
  return childOf(element, name)?.text.trim() ?? ''
}

function readElement(node: DomNode, depth: number): XmlElement | undefined {
  if (depth > MAX_DEPTH) return undefined
  const children: XmlElement[] = []
  let text = ''
  for (const child of Array.from(node.childNodes)) {
    if (child.nodeType === TEXT || child.nodeType === CDATA) text += child.nodeValue ?? ''
    if (child.nodeType !== ELEMENT) continue
    const read = readElement(child, depth + 1)
    if (read === undefined) return undefined
    children.push(read)
  }
  const attributes = Array.from(node.attributes ?? []).map(({ name, value }) => [name, value])
  return xmlElement({
    name: node.nodeName,
    attributes: Object.fromEntries(attributes) as Record<string, string>,
    children,
    text
  })
}

/** A browser answers with an element that says what is wrong, at the root or within it. */
function hasError({ name, children }: XmlElement): boolean {
  return name === 'parsererror' || children.some(({ name }) => name === 'parsererror')
}
