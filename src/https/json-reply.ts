import { readAcknowledgement } from '../hl7/acknowledgement.ts'
import type { ReplyMessage } from '../hl7/reply-message.ts'
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

/** How many values that may hold a text are looked at, and how many texts are read as HL7. */
const maxValues = 1_000_000
const maxTexts = 1_000

/** `MSA|AA` is the shortest text that acknowledges anything. */
const shortestText = 6

interface NamedText {
  readonly text: string
  readonly rank: number
}

interface Candidate {
  readonly message: ReplyMessage
  readonly order: readonly [withoutMsa: number, rank: number, mildness: number]
}

/**
 * Finds the HL7 text in a JSON value: the value itself, or a string member at any depth that is named
 * like an acknowledgement. One with an MSA goes before one without (which may be the request,
 * echoed), then the more telling name, then the worse code, then the one that stands higher up.
 */
export function findInJson(json: unknown, encoding: ReplyEncoding): ReplyMessage | null {
  let best: Candidate | null = null
  let texts = 0
  for (const { text, rank } of namedTexts(json)) {
    if (!mayBeHl7(text, encoding)) continue
    if (++texts > maxTexts) break
    const message = readReplyText(text, encoding)
    if (message === null) continue
    const candidate = { message, order: orderOf(message, rank) }
    if (best === null || goesBefore(candidate, best)) best = candidate
  }
  return best?.message ?? null
}

/** Breadth first and without recursion, so that no nesting exhausts the stack. */
function* namedTexts(json: unknown): Generator<NamedText> {
  const waiting: { value: unknown; rank: number | undefined }[] = [{ value: json, rank: rootRank }]
  for (let next = 0; next < waiting.length; next++) {
    const { value, rank } = waiting[next] ?? {}
    if (typeof value === 'string') {
      if (rank !== undefined) yield { text: value, rank }
    } else if (Array.isArray(value)) {
      for (const item of value as unknown[]) {
        if (waiting.length >= maxValues) break
        if (mayHoldText(item, rank)) waiting.push({ value: item, rank })
      }
    } else if (typeof value === 'object' && value !== null) {
      for (const [name, member] of Object.entries(value)) {
        if (waiting.length >= maxValues) break
        const memberRank = ranks.get(plainName(name))
        if (mayHoldText(member, memberRank)) waiting.push({ value: member, rank: memberRank })
      }
    }
  }
}

function mayHoldText(value: unknown, rank: number | undefined): boolean {
  return typeof value === 'string'
    ? rank !== undefined && value.length >= shortestText
    : typeof value === 'object' && value !== null
}

/** `HL7_Ack`, `hl7-ack` and `hl7Ack` are one name. */
function plainName(name: string): string {
  return name.length > 40 ? '' : name.toLowerCase().replaceAll('_', '').replaceAll('-', '')
}

function orderOf(message: ReplyMessage, rank: number): Candidate['order'] {
  const acknowledgement = readAcknowledgement(message)
  if (acknowledgement === null) return [1, rank, 0]
  return [0, rank, mildnessOf(acknowledgement.code)]
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
