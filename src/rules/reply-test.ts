import { Hl7Error } from '../hl7/hl7-error.ts'
import { parsePath, type Hl7Path } from '../hl7/path.ts'
import type { ReplyRulesError, ReplyRulesMistake } from './reply-rules-error.ts'
import type { Piece, RuleScanner } from './rule-scanner.ts'

/** The families of errors without an answer. An error has at most one. */
export const errorFamilies = ['connect', 'timeout', 'reset', 'tls', 'token'] as const

/** No connection · no answer in time · cut while waiting · certificate or handshake · no token. */
export type ErrorFamily = (typeof errorFamilies)[number]

/** ERR-4: information, warning, error, fatal. */
export type Severity = 'I' | 'W' | 'E' | 'F'

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
  /** `E#ECONNREFUSED` an error with that code. */
  | { readonly kind: 'error-code'; readonly code: string }
  /** `E#connect` an error of that family. */
  | { readonly kind: 'error-family'; readonly family: ErrorFamily }
  /** `E*text` an error whose text contains it; in lower case. */
  | { readonly kind: 'error-text'; readonly text: string }
  /** `@status:2xx` the HTTP status, error or not. */
  | { readonly kind: 'status'; readonly from: number; readonly to: number }
  /** `@ERR-3:207` a field has that value. */
  | { readonly kind: 'field-value'; readonly path: Hl7Path; readonly value: string }
  /** `@ERR-8*text` a field contains the text; in lower case. */
  | { readonly kind: 'field-text'; readonly path: Hl7Path; readonly text: string }
  /** `@severity:W` the worst ERR-4. */
  | { readonly kind: 'severity'; readonly severity: Severity }
  /** `@*text` the reply contains the text; in lower case. */
  | { readonly kind: 'reply-text'; readonly text: string }

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
  throw scanner.errorHere(
    'test',
    `A test is expected here (it begins with :, E, X or @), found ${scanner.found()}`
  )
}

/** After the colon. */
function readCodeTest(scanner: RuleScanner): ReplyTest {
  const value = scanner.value('An MSA-1 code, or one of ?A ?E ?R _ * ~ I? T?,')
  if (value.quoted) return { kind: 'code', code: value.text }
  switch (value.text) {
    case '?A':
      return { kind: 'code-class', codes: ['AA', 'CA'] }
    case '?E':
      return { kind: 'code-class', codes: ['AE', 'CE'] }
    case '?R':
      return { kind: 'code-class', codes: ['AR', 'CR'] }
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
      throw errorAt(
        scanner,
        value,
        'code',
        `Unknown test ':${value.text}': expected an MSA-1 code of letters and digits after the colon ` +
          '(other codes in double quotes), or one of ?A ?E ?R _ * ~ I? T?'
      )
  }
}

/** After the E. */
function readErrorTest(scanner: RuleScanner): ReplyTest {
  if (scanner.take('*')) {
    return { kind: 'error-text', text: scanner.value("A text after 'E*'").text.toLowerCase() }
  }
  if (!scanner.take('#')) {
    if (!/[A-Za-z0-9]/.test(scanner.peek())) return { kind: 'error' }
    throw scanner.errorHere(
      'error',
      `Expected '#' (E#503, E#timeout) or '*' (E*text) after 'E', found ${scanner.found()}`
    )
  }
  const value = scanner.value("An HTTP status, an error code or a family after 'E#'")
  const { text } = value
  if (/^\d/.test(text)) return { kind: 'error-status', ...statusRange(scanner, value) }
  const family = errorFamilies.find((name) => name === text.toLowerCase())
  if (family !== undefined) {
    if (family === text) return { kind: 'error-family', family }
    throw errorAt(scanner, value, 'errorCode', `The family is written in lower case: E#${family}`)
  }
  // Node.js codes (`ERR_TLS_X`, `UND_ERR_SOCKET`), OAuth codes and their URNs.
  if (!/^[A-Za-z0-9_.:/-]+$/.test(text)) {
    throw errorAt(
      scanner,
      value,
      'errorCode',
      `'${text}' is not an error code: expected an HTTP status (503 or 5xx), a code such as ` +
        `ECONNREFUSED or invalid_client, or one of ${errorFamilies.join(', ')} after 'E#'`
    )
  }
  return { kind: 'error-code', code: text }
}

/** After the @. */
function readReplyTest(scanner: RuleScanner): ReplyTest {
  if (scanner.take('*')) {
    return { kind: 'reply-text', text: scanner.value("A text after '@*'").text.toLowerCase() }
  }
  // Up to its `:` or `*`, or to what ends a rule.
  const name = scanner.run(/[A-Za-z0-9 \t-\r\xa0.()[\]-]/)
  const contains = scanner.peek() === '*'
  if (!scanner.take('*') && !scanner.take(':')) {
    throw scanner.errorHere(
      'comparison',
      `Expected ':' and a value or '*' and a text after '@${name.text}', found ${scanner.found()}`
    )
  }
  if (name.text === 'status' && !contains) {
    const value = scanner.value("An HTTP status after '@status:'")
    return { kind: 'status', ...statusRange(scanner, value) }
  }
  if (name.text === 'severity' && !contains) {
    const value = scanner.value("A severity after '@severity:'")
    const severity = (['I', 'W', 'E', 'F'] as const).find((letter) => letter === value.text)
    if (severity !== undefined) return { kind: 'severity', severity }
    throw errorAt(scanner, value, 'severity', `'${value.text}' is not a severity (I, W, E or F)`)
  }
  const path = fieldPath(scanner, name)
  if (contains) {
    const { text } = scanner.value(`A text after '@${name.text}*'`)
    return { kind: 'field-text', path, text: text.toLowerCase() }
  }
  return { kind: 'field-value', path, value: scanner.value(`A value after '@${name.text}:'`).text }
}

/** The path of a field of the reply; without a component it means the first. */
function fieldPath(scanner: RuleScanner, name: Piece): Hl7Path {
  const segment = name.text.slice(0, 3)
  if (segment !== 'MSA' && segment !== 'ERR' && segment !== 'MSH') {
    throw errorAt(
      scanner,
      name,
      'field',
      `'@${name.text}' is unknown: expected status, severity, * or a field of MSA, ERR or ` +
        'MSH after the @, such as ERR-3'
    )
  }
  try {
    return parsePath(name.text)
  } catch (error) {
    if (!(error instanceof Hl7Error)) throw error
    throw errorAt(scanner, name, 'field', `'${name.text}' is not a field such as ERR-3 or ERR-3.2`)
  }
}

/** `503` is that status, `5xx` its class. */
function statusRange(scanner: RuleScanner, value: Piece): { from: number; to: number } {
  const { text } = value
  if (/^[1-9]\d\d$/.test(text)) return { from: Number(text), to: Number(text) }
  if (/^[1-9]xx$/.test(text)) {
    const from = Number(text.charAt(0)) * 100
    return { from, to: from + 99 }
  }
  throw errorAt(
    scanner,
    value,
    'status',
    `'${text}' is not an HTTP status: write three digits (503) or a class (5xx)`
  )
}

function errorAt(
  scanner: RuleScanner,
  piece: Piece,
  mistake: ReplyRulesMistake,
  message: string
): ReplyRulesError {
  return scanner.error(mistake, message, piece.start, piece.end - piece.start)
}
