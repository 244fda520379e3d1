import { unescape, type Separators } from '../hl7/escapes.ts'
import type { Hl7Path } from '../hl7/path.ts'
import { isHeader, type Segment } from '../hl7/segments.ts'
import type { AttemptReply } from './attempt.ts'
import type { ReplyRules } from './reply-rules.ts'
import type { ReplyTest } from './reply-test.ts'
import { TextMatcher } from './text-matcher.ts'

/** A test of the content of a reply. */
export type SearchTest = Extract<
  ReplyTest,
  { readonly kind: 'field-value' | 'field-text' | 'reply-text' }
>

const searches = new WeakMap<ReplyRules, ReplySearch>()

/**
 * Searches a reply once for everything that the rules test, in a time that depends on the length of
 * the reply, not on the number of rules.
 */
export function searchReply(rules: ReplyRules, reply: AttemptReply): SearchedReply {
  let search = searches.get(rules)
  if (search === undefined) searches.set(rules, (search = new ReplySearch(rules)))
  return search.in(reply)
}

/** What was found in one reply. */
export class SearchedReply {
  readonly #found: Uint8Array
  readonly #numbers: ReadonlyMap<SearchTest, number>
  /** What remains to be searched. */
  readonly #steps: (() => void)[]

  constructor(numbers: ReadonlyMap<SearchTest, number>, found: Uint8Array, steps: (() => void)[]) {
    this.#numbers = numbers
    this.#found = found
    this.#steps = steps
  }

  /**
   * Takes one of the steps that a test needs; in a long reply, each takes a moment.
   *
   * @returns whether more steps remain
   */
  step(): boolean {
    this.#steps.shift()?.()
    return this.#steps.length > 0
  }

  /** @param test one in the rules that the reply was searched for */
  holds(test: SearchTest): boolean {
    while (this.step());
    return this.#found[this.#numbers.get(test) ?? -1] === 1
  }
}

/** All that one string of rules searches for. Equal tests share a number. */
class ReplySearch {
  readonly #numbers = new Map<SearchTest, number>()
  readonly #replies = new WeakMap<AttemptReply, SearchedReply>()
  /** By segment, then field. */
  readonly #fields = new Map<string, (Field | undefined)[]>()
  readonly #texts: Wanted | undefined

  constructor({ rules }: ReplyRules) {
    const tests = rules.flatMap(({ conditions }) => conditions.flat()).filter(isSearchTest)
    const byPlace = new Map<string, WantedIn>()
    const known = new Map<string, number>()
    for (const test of tests) {
      const key = JSON.stringify(test)
      const number = known.get(key) ?? known.size
      known.set(key, number)
      this.#numbers.set(test, number)
      // Without a component, it is the first.
      const path =
        test.kind === 'reply-text'
          ? undefined
          : { ...test.path, component: test.path.component ?? 1 }
      const place = JSON.stringify(path ?? '')
      const wanted = byPlace.get(place) ?? { path, values: new Map(), texts: new Map() }
      byPlace.set(place, wanted)
      if (test.kind === 'field-value') wanted.values.set(test.value, number)
      else wanted.texts.set(test.text, number)
    }
    for (const { path, ...wanted } of byPlace.values()) {
      if (path !== undefined) this.#field(path).add(path, new Wanted(wanted))
    }
    const texts = byPlace.get('""')
    this.#texts = texts && new Wanted(texts)
  }

  #field({ segment, field }: Hl7Path): Field {
    const fields = this.#fields.get(segment) ?? []
    this.#fields.set(segment, fields)
    return (fields[field] ??= new Field())
  }

  in(reply: AttemptReply): SearchedReply {
    const known = this.#replies.get(reply)
    if (known !== undefined) return known
    const found = new Uint8Array(this.#numbers.size)
    const steps: (() => void)[] = []
    // Without it, a walk through 2 MiB of short segments takes 20 ms and finds nothing.
    if (this.#fields.size > 0) {
      steps.push(() => {
        this.#lookIntoFields(reply, found)
      })
    }
    const texts = this.#texts
    if (texts !== undefined) {
      // Both: the HL7 text may have been base64 in the body.
      for (const text of new Set([reply.text, reply.message?.text ?? reply.text])) {
        steps.push(() => {
          texts.look(text, found)
        })
      }
    }
    const searched = new SearchedReply(this.#numbers, found, steps)
    this.#replies.set(reply, searched)
    return searched
  }

  #lookIntoFields({ message }: AttemptReply, found: Uint8Array): void {
    const occurrences = new Map<string, number>()
    message?.each([...this.#fields.keys()], (segment) => {
      const { name } = segment
      const occurrence = (occurrences.get(name) ?? 0) + 1
      occurrences.set(name, occurrence)
      lookIntoSegment(segment, this.#fields.get(name) ?? [], occurrence, found)
    })
  }
}

function isSearchTest(test: ReplyTest): test is SearchTest {
  return test.kind === 'field-value' || test.kind === 'field-text' || test.kind === 'reply-text'
}

function lookIntoSegment(
  segment: Segment,
  fields: readonly (Field | undefined)[],
  occurrence: number,
  found: Uint8Array
): void {
  const { text, separators } = segment
  const header = isHeader(segment.name)
  if (header) fields[1]?.lookAtWhole(separators.field, occurrence, found)
  let start = 4
  for (let number = header ? 2 : 1; start < text.length && number < fields.length; number++) {
    const next = text.indexOf(separators.field, start)
    const end = next === -1 ? text.length : next
    const field = fields[number]
    if (header && number === 2) field?.lookAtWhole(text.slice(start, end), occurrence, found)
    else field?.look({ text, separators, occurrence, repetition: 1 }, start, end, found)
    start = end + 1
  }
}

/** Where a value is: the text that contains it, and the numbers of its segment and repetition. */
interface Surroundings {
  readonly text: string
  readonly separators: Separators
  readonly occurrence: number
  repetition: number
}

/** What is searched for in one field. */
class Field {
  /** By component, then by sub-component; 0 is the whole component. */
  readonly #components: (Piece | undefined)[][] = []

  add(path: Hl7Path, wanted: Wanted): void {
    const component = (this.#components[path.component ?? 1] ??= [])
    const piece = (component[path.subcomponent ?? 0] ??= new Piece())
    piece.add(path, wanted)
  }

  /** A field that is not split: MSH-1 and MSH-2. */
  lookAtWhole(value: string, occurrence: number, found: Uint8Array): void {
    const around = { text: value, separators: noSeparators, occurrence, repetition: 1 }
    this.look(around, 0, value.length, found)
  }

  /** Splits the field at its separators, reading each character once. */
  look(around: Surroundings, start: number, end: number, found: Uint8Array): void {
    const { text, separators } = around
    // NaN for a separator that the message does not have.
    const repetition = separators.repetition.charCodeAt(0)
    const component = separators.component.charCodeAt(0)
    const subcomponent = separators.subcomponent.charCodeAt(0)
    let pieces = this.#components[1]
    let [componentNumber, subcomponentNumber] = [1, 1]
    let [componentStart, subcomponentStart] = [start, start]
    for (let at = start; at <= end; at++) {
      const code = at === end ? -1 : text.charCodeAt(at)
      const endsComponent = code === -1 || code === repetition || code === component
      if (!endsComponent && code !== subcomponent) continue
      pieces?.[subcomponentNumber]?.look(around, subcomponentStart, at, found)
      subcomponentNumber++
      subcomponentStart = at + 1
      if (!endsComponent) continue
      pieces?.[0]?.look(around, componentStart, at, found)
      componentNumber++
      if (code === repetition) {
        componentNumber = 1
        around.repetition++
      }
      pieces = this.#components[componentNumber]
      componentStart = at + 1
      subcomponentNumber = 1
    }
  }
}

const noSeparators: Separators = {
  field: '',
  component: '',
  repetition: '',
  escape: '',
  subcomponent: '',
  truncation: ''
}

/**
 * What is searched for in one component or sub-component: anywhere, or in one segment or
 * repetition.
 */
class Piece {
  #anywhere: Wanted | undefined
  readonly #somewhere = new Map<number, Wanted>()

  add({ occurrence, repetition }: Hl7Path, wanted: Wanted): void {
    if (occurrence === undefined && repetition === undefined) this.#anywhere = wanted
    else this.#somewhere.set(placeOf(occurrence ?? 0, repetition ?? 0), wanted)
  }

  look(around: Surroundings, start: number, end: number, found: Uint8Array): void {
    if (start === end) return
    const { occurrence, repetition, text, separators } = around
    const wanted = [
      this.#anywhere,
      this.#somewhere.get(placeOf(occurrence, 0)),
      this.#somewhere.get(placeOf(0, repetition)),
      this.#somewhere.get(placeOf(occurrence, repetition))
    ]
    let value: string | undefined
    for (const one of wanted) {
      if (one === undefined) continue
      value ??= unescape(text.slice(start, end), separators)
      one.look(value, found)
    }
  }
}

/** Combines two numbers of a path (up to 999,999) into one; 0 means any. */
function placeOf(occurrence: number, repetition: number): number {
  return occurrence * 1_000_000 + repetition
}

interface WantedIn {
  readonly path?: Hl7Path | undefined
  readonly values: Map<string, number>
  readonly texts: Map<string, number>
}

/** Values and texts that are searched for in one place, with their tests' numbers. */
class Wanted {
  readonly #values: ReadonlyMap<string, number>
  readonly #matcher: TextMatcher | undefined

  constructor({ values, texts }: WantedIn) {
    this.#values = values
    this.#matcher = texts.size === 0 ? undefined : new TextMatcher(texts)
  }

  look(value: string, found: Uint8Array): void {
    const number = this.#values.get(value)
    if (number !== undefined) found[number] = 1
    this.#matcher?.find(value.toLowerCase(), found)
  }
}
