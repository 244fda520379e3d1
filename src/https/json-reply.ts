import { readAcknowledgement } from '../hl7/acknowledgement.ts'
import { readReplyMessage, type ReplyMessage } from '../hl7/reply-message.ts'
import { isHeader } from '../hl7/segments.ts'
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

/** Up to this rank the name says that it is the answer. */
const surestRanks = 2

/** How many values that may hold a text are looked at, and how many texts are read as HL7. */
const maxValues = 1_000_000
const maxTexts = 1_000

/** `MSA|AA` is the shortest text that acknowledges anything. */
const shortestText = 6

/** A value that may hold texts, and what is said of it by what it stands in. */
interface Place {
  readonly value: unknown
  /** undefined: its name says nothing. */
  readonly rank: number | undefined
  /** The number of the outermost list that it stands in. */
  readonly list: number | undefined
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
 * list are read as one reply.
 */
export function findInJson(json: unknown, encoding: ReplyEncoding): ReplyMessage | null {
  const groups = new Map<string, Group>()
  let texts = 0
  for (const { value, rank, list } of namedTexts(json)) {
    if (!mayBeHl7(value, encoding)) continue
    if (++texts > maxTexts) break
    const message = readReplyText(value, encoding)
    if (message === null) continue
    const one = candidate(message, rank)
    const [withoutMsa, echo] = one.order
    const key = list === undefined || withoutMsa === 1 ? String(texts) : `${list}, ${echo}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [one])
    else group.push(one)
  }
  let best: Candidate | null = null
  for (const group of groups.values()) {
    const one = join(group)
    if (best === null || goesBefore(one, best)) best = one
  }
  return best?.message ?? null
}

/** Breadth first and without recursion, so that no nesting exhausts the stack. */
function* namedTexts(json: unknown): Generator<Place & { value: string; rank: number }> {
  const waiting: Place[] = [{ value: json, rank: rootRank, list: undefined }]
  const wait = (place: Place): void => {
    if (waiting.length < maxValues && mayHoldText(place)) waiting.push(place)
  }
  for (let next = 0; next < waiting.length; next++) {
    const place = waiting[next]
    if (place === undefined) return
    const { value, rank, list } = place
    if (typeof value === 'string') {
      if (rank !== undefined) yield { value, rank, list }
    } else if (Array.isArray(value)) {
      const items: unknown[] = value
      if (areSegments(items)) wait({ value: items.join('\r'), rank, list })
      else for (const item of items) wait({ value: item, rank, list: list ?? next })
    } else if (typeof value === 'object' && value !== null) {
      for (const [name, member] of Object.entries(value)) {
        wait({ value: member, rank: ranks.get(plainName(name)), list })
      }
    }
  }
}

function mayHoldText({ value, rank }: Place): boolean {
  return typeof value === 'string'
    ? rank !== undefined && value.length >= shortestText
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
  const acknowledgement = readAcknowledgement(message)
  if (acknowledgement === null) return { message, order: [1, 0, 0, rank] }
  const echo = Math.max(rank - surestRanks, 0)
  return { message, order: [0, echo, mildnessOf(acknowledgement.code), rank] }
}

/** Several acknowledgements as one reply, each text once. */
function join(group: Readonly<Group>): Candidate {
  const texts = new Set(group.map(({ message }) => message.text))
  const joined = texts.size === 1 ? null : readReplyMessage([...texts].join(''))
  if (joined === null) return group[0]
  return candidate(joined, Math.min(...group.map(({ order }) => order[3])))
}

/** Reject, error, any other code, accept: of several the worst counts, as in a batch. */
function mildnessOf(code: string): number {
  if (code === 'AR' || code === 'CR') return 0
  if (code === 'AE' || code === 'CE') return 1
  return code === 'AA' || code === 'CA' ? 3 : 2
}

function goesBefore(a: Candidate, b: Candidate): boolean {
  const at = a.order.findIndex((value, index) => value !== b.order[index])
  return at >= 0 && (a.order[at] ?? 0) < (b.order[at] ?? 0)
}
