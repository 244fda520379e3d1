import { codeOfReply } from '../hl7/acknowledgement.ts'
import { mildnessOf, readReplyMessage, type ReplyMessage } from '../hl7/reply-message.ts'
import { isHeader } from '../hl7/segments.ts'
import { startsLikeJson, type JsonReader } from './parse-json.ts'
import { mayBeHl7, readReplyText, type ReplyEncoding } from './reply-text.ts'

/**
 * Names of members that hold an acknowledgement, in small letters without `_` and `-`; the first
 * list goes before the second, and that before the third, whose members may as well hold the
 * request.
 */
const names: readonly (readonly string[])[] = [
  [
    ...['hl7ack', 'hl7nack', 'ack', 'nack', 'nak', 'ackhl7', 'ackmessage', 'nackmessage'],
    ...['hl7ackmessage', 'hl7nackmessage', 'messageack', 'rawack', 'encodedack', 'ackbase64'],
    ...['acknowledgement', 'acknowledgementmessage', 'hl7acknowledgement', 'acknowledgements'],
    ...['acknowledgment', 'acknowledgmentmessage', 'hl7acknowledgment', 'acknowledgments', 'acks']
  ],
  [
    ...['response', 'responses', 'hl7response', 'responsemessage', 'responsebody', 'responsedata'],
    ...['reply', 'replies', 'hl7reply', 'replymessage', 'result', 'results', 'hl7result', 'output'],
    ...['responsepayload', 'hl7responsemessage', 'answer', 'return', 'returnvalue']
  ],
  [
    ...['hl7', 'hl7v2', 'hl7message', 'hl7messages', 'hl7text', 'hl7data', 'hl7content', 'er7'],
    ...['message', 'messages', 'messagedata', 'messagebody', 'messagecontent', 'msg', 'payload'],
    ...['body', 'data', 'content', 'contents', 'text', 'value', 'raw', 'rawmessage', 'rawdata']
  ]
]

const ranks = new Map(names.flatMap((list, rank) => list.map((name) => [name, rank + 1] as const)))

/** The body itself, or what a path picked. */
const rootRank = 0

/** A name that says nothing. */
const otherRank = names.length + 1

/** Up to this rank the name says that it is the answer. */
const surestRanks = 2

/** How deep JSON may stand in a text of JSON. */
const maxEncodings = 2

/** `MSA|AA` is the shortest text that acknowledges anything. */
const shortestText = 6

/** A value that may hold texts, and what is said of it by what it stands in. */
interface Place<T = unknown> {
  readonly value: T
  readonly rank: number
  /** The number of the outermost list that it stands in. */
  readonly list: number | undefined
  /** In how many texts of JSON it stands. */
  readonly encodings: number
}

interface Candidate {
  readonly message: ReplyMessage
  /** What goes before: the smaller number, at the first place that differs. */
  readonly order: readonly [withoutMsa: number, echo: number, mildness: number, rank: number]
}

type Group = [Candidate, ...Candidate[]]

/**
 * Finds the HL7 text in a JSON value: the value itself, or a string member at any depth that is named
 * like an acknowledgement; a list of segments is one text. One with an MSA goes before one without
 * (which may be the request, echoed), then one whose name is not that of a request too, then the worse
 * code, then the more telling name, then the one that stands higher up. The acknowledgements in one
 * list are read as one reply. Last comes a member of any other name, if it has an MSA.
 *
 * @param reader of the reply, for JSON in texts
 */
export function findInJson(
  json: unknown,
  encoding: ReplyEncoding,
  reader: JsonReader
): ReplyMessage | null {
  const groups = new Map<string, Group>()
  const others: Place<string>[] = []
  const read = ({ value, rank, list }: Place<string>): void => {
    if (!mayBeHl7(value, encoding)) return
    const message = readReplyText(value, encoding)
    if (message === null) return
    if (rank === otherRank && message.msa === undefined) return
    const one = candidate(message, rank)
    const [withoutMsa, echo] = one.order
    const key = list === undefined || withoutMsa === 1 ? String(groups.size) : `${list}, ${echo}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [one])
    else group.push(one)
  }
  for (const place of textsOf(json, reader)) {
    if (place.rank === otherRank) others.push(place)
    else read(place)
  }
  if (![...groups.values()].some(([one]) => one.order[0] === 0)) {
    others.forEach(read)
  }
  let best: Candidate | null = null
  for (const group of groups.values()) {
    const one = join(group)
    if (best === null || goesBefore(one, best)) best = one
  }
  return best?.message ?? null
}

/** Breadth first and without recursion, so that no nesting exhausts the stack. */
function* textsOf(json: unknown, reader: JsonReader): Generator<Place<string>> {
  const waiting: Place[] = [{ value: json, rank: rootRank, list: undefined, encodings: 0 }]
  const wait = (place: Place): void => {
    if (mayHoldText(place.value)) waiting.push(place)
  }
  for (let next = 0; next < waiting.length; next++) {
    const place = waiting[next]
    if (place === undefined) return
    const { value, list, encodings } = place
    if (typeof value === 'string') {
      yield { ...place, value }
      if (encodings < maxEncodings && startsLikeJson(value)) {
        wait({ ...place, value: reader.read(value), encodings: encodings + 1 })
      }
    } else if (Array.isArray(value)) {
      const items: unknown[] = value
      if (areSegments(items)) wait({ ...place, value: items.join('\r') })
      else for (const item of items) wait({ ...place, value: item, list: list ?? next })
    } else if (typeof value === 'object' && value !== null) {
      for (const [name, member] of Object.entries(value)) {
        const rank = ranks.get(plainName(name)) ?? otherRank
        wait({ value: member, rank, list, encodings })
      }
    }
  }
}

function mayHoldText(value: unknown): boolean {
  return typeof value === 'string'
    ? value.length >= shortestText
    : typeof value === 'object' && value !== null
}

/** Whether a list holds one message, segment by segment. */
function areSegments(items: readonly unknown[]): items is string[] {
  const first = typeof items[0] === 'string' ? items[0].trim() : ''
  return (
    isHeader(first.slice(0, 3)) &&
    !/[\r\n]/.test(first) &&
    items.every((item) => typeof item === 'string')
  )
}

/** `HL7_Ack`, `hl7-ack` and `hl7Ack` are one name. */
function plainName(name: string): string {
  return name.length > 40 ? '' : name.toLowerCase().replaceAll('_', '').replaceAll('-', '')
}

function candidate(message: ReplyMessage, rank: number): Candidate {
  const code = codeOfReply(message)
  if (code === undefined) return { message, order: [1, 0, 0, rank] }
  const echo = Math.max(rank - surestRanks, 0)
  return { message, order: [0, echo, mildnessOf(code), rank] }
}

/** Several acknowledgements as one reply, each text once. */
function join(group: Readonly<Group>): Candidate {
  const texts = new Set(group.map(({ message }) => message.text))
  const joined = texts.size === 1 ? null : readReplyMessage([...texts].join(''))
  if (joined === null) return group[0]
  return candidate(joined, Math.min(...group.map(({ order }) => order[3])))
}

function goesBefore(a: Candidate, b: Candidate): boolean {
  const at = a.order.findIndex((value, index) => value !== b.order[index])
  return at >= 0 && (a.order[at] ?? 0) < (b.order[at] ?? 0)
}
