import { ACK_CODES } from '../hl7/acknowledgement-codes.ts'
import { readPath, type Hl7Path } from '../hl7/path.ts'
import { unpadded } from '../hl7/unpadded.ts'
import type { Piece, RuleScanner } from './rule-scanner.ts'

/** The families of errors without an answer. An error has at most one. */
export const errorFamilies = ['connect', 'timeout', 'reset', 'tls', 'token'] as const

/** No connection · no answer in time · cut while waiting · certificate or handshake · no token. */
export type ErrorFamily = (typeof errorFamilies)[number]

/** ERR-4: information, warning, error, fatal. */
export const SEVERITIES = ['I', 'W', 'E', 'F'] as const
export type Severity = (typeof SEVERITIES)[number]

/** The segments of a reply whose fields can be tested. */
export const TESTED_SEGMENTS = ['MSH', 'MSA', 'ERR'] as const

/** One test of a rule: what has to be true of an attempt. */
export type ReplyTest =
  /** `:AE` MSA-1 is literally that. */
  | { readonly kind: 'code'; readonly code: string }
  /** `:?A` `:?E` `:?R` MSA-1 is one of the two. */
  | { readonly kind: 'code-class'; readonly codes: readonly [string, string] }
  /** `:_` MSA-1 is empty. */
  | { readonly kind: 'empty-code' }
  /** `:*` MSA-1 is any other value. */
  | { readonly kind: 'other-code' }
  /** `:~` a body without MSA. */
  | { readonly kind: 'no-acknowledgement' }
  /** `:I?` MSA-2 is not an id that was sent. */
  | { readonly kind: 'foreign-id' }
  /** `:T?` MSH-9.1 is empty or the one that was sent. */
  | { readonly kind: 'same-type' }
  /** `X` no body although one was expected. */
  | { readonly kind: 'no-reply' }
  /** `E` any error. */
  | { readonly kind: 'error' }
  /** `E#503` `E#5xx` an error with an HTTP status from `from` to `to`, both included. */
  | { readonly kind: 'error-status'; readonly from: number; readonly to: number }
  /** `E#ECONNREFUSED` an error with that code, in whatever case. */
  | { readonly kind: 'error-code'; readonly code: string }
  /** `E#connect` an error of that family. */
  | { readonly kind: 'error-family'; readonly family: ErrorFamily }
  /** `E*text` an error whose text contains it, in whatever case. */
  | { readonly kind: 'error-text'; readonly text: string }
  /** `@status:2xx` the HTTP status, error or not. */
  | { readonly kind: 'status'; readonly from: number; readonly to: number }
  /** `@ERR-3:207` a field has that value. */
  | { readonly kind: 'field-value'; readonly path: Hl7Path; readonly value: string }
  /** `@ERR-8*text` a field contains the text, in whatever case. */
  | { readonly kind: 'field-text'; readonly path: Hl7Path; readonly text: string }
  /** `@severity:W` the worst ERR-4. */
  | { readonly kind: 'severity'; readonly severity: Severity }
  /** `@again` the message may have arrived before, so that this reply may be about a duplicate. */
  | { readonly kind: 'again' }
  /** `@*text` the reply contains the text, in whatever case. */
  | { readonly kind: 'reply-text'; readonly text: string }

/** Whether two error codes are the same, in whatever case. */
export function isSameCode(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase()
}

/** Whether a text contains another, in whatever case. */
export function containsText(text: string, part: string): boolean {
  return text.toLowerCase().includes(part.toLowerCase())
}

/**
 * Reads one test, such as `:?A`, `E#5xx` or `@ERR-8*text`.
 *
 * @throws ReplyRulesError
 */
export function readTest(scanner: RuleScanner): ReplyTest {
  if (scanner.take(':')) return readCodeTest(scanner)
  if (scanner.take('E')) return readErrorTest(scanner)
  if (scanner.take('X')) return { kind: 'no-reply' }
  if (scanner.take('@')) return readReplyTest(scanner)
  throw scanner.errorHere('test')
}

/** After the colon. */
function readCodeTest(scanner: RuleScanner): ReplyTest {
  const value = scanner.value()
  if (value.quoted) return { kind: 'code', code: unpadded(value.text) }
  switch (value.text) {
    case '?A':
      return { kind: 'code-class', codes: ACK_CODES.accept }
    case '?E':
      return { kind: 'code-class', codes: ACK_CODES.error }
    case '?R':
      return { kind: 'code-class', codes: ACK_CODES.reject }
    case '_':
      return { kind: 'empty-code' }
    case '*':
      return { kind: 'other-code' }
    case '~':
      return { kind: 'no-acknowledgement' }
    case 'I?':
      return { kind: 'foreign-id' }
    case 'T?':
      return { kind: 'same-type' }
    default:
      if (/^[A-Za-z0-9]+$/.test(value.text)) return { kind: 'code', code: value.text }
      throw scanner.errorAt('code', value)
  }
}

/** After the E. */
function readErrorTest(scanner: RuleScanner): ReplyTest {
  if (scanner.take('*')) {
    return { kind: 'error-text', text: scanner.value().text }
  }
  if (!scanner.take('#')) {
    if (!/[A-Za-z0-9]/.test(scanner.peek())) return { kind: 'error' }
    throw scanner.errorHere('error')
  }
  const value = scanner.value()
  const { text } = value
  if (/^\d/.test(text)) return { kind: 'error-status', ...statusRange(scanner, value) }
  const family = errorFamilies.find((name) => isSameCode(name, text))
  if (family !== undefined) return { kind: 'error-family', family }
  // Node.js codes (`ERR_TLS_X`, `UND_ERR_SOCKET`), OAuth codes and their URNs.
  if (!/^[A-Za-z0-9_.:/-]+$/.test(text)) {
    throw scanner.errorAt('errorCode', value)
  }
  return { kind: 'error-code', code: text }
}

/** After the @. */
function readReplyTest(scanner: RuleScanner): ReplyTest {
  if (scanner.take('*')) {
    return { kind: 'reply-text', text: scanner.value().text }
  }
  if (scanner.takeWord('again')) return { kind: 'again' }
  // Up to its `:` or `*`, or to what ends a rule.
  const name = scanner.run(/[A-Za-z0-9 \t-\r\xa0.()[\]-]/)
  const contains = scanner.peek() === '*'
  if (!scanner.take('*') && !scanner.take(':')) {
    throw scanner.errorHere('comparison')
  }
  if (name.text === 'status' && !contains) {
    const value = scanner.value()
    return { kind: 'status', ...statusRange(scanner, value) }
  }
  if (name.text === 'severity' && !contains) {
    const value = scanner.value()
    const severity = SEVERITIES.find((letter) => letter === value.text)
    if (severity !== undefined) return { kind: 'severity', severity }
    throw scanner.errorAt('severity', value)
  }
  const path = fieldPath(scanner, name)
  if (contains) return { kind: 'field-text', path, text: scanner.value().text }
  return { kind: 'field-value', path, value: unpadded(scanner.value().text) }
}

/** The path of a field of the reply; without a component it means the first. */
function fieldPath(scanner: RuleScanner, name: Piece): Hl7Path {
  const segment = name.text.slice(0, 3)
  const path = TESTED_SEGMENTS.some((one) => one === segment) ? readPath(name.text) : undefined
  if (path === undefined) throw scanner.errorAt('field', name)
  return path
}

/** `503` is that status, `5xx` its class. */
function statusRange(scanner: RuleScanner, value: Piece): { from: number; to: number } {
  const { text } = value
  if (/^[1-9]\d\d$/.test(text)) return { from: Number(text), to: Number(text) }
  if (/^[1-9]xx$/.test(text)) {
    const from = Number(text.charAt(0)) * 100
    return { from, to: from + 99 }
  }
  throw scanner.errorAt('status', value)
}
