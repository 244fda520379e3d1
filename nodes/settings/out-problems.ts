import type { Key, KeyUnder, Values } from '../../src/english.ts'
import { parseTimes } from '../../src/delivery/inactivity.ts'
import { findCharset } from '../../src/hl7/charset-labels.ts'
import { readPath } from '../../src/hl7/path.ts'
import { typedUrlProblem, urlProblem } from '../../src/http-client/url-problem.ts'
import {
  headerNameProblem,
  headerValueProblem
} from '../../src/hl7-over-http/http-header-problem.ts'
import { parseReplyRules } from '../../src/rules/reply-rules.ts'
import { ReplyRulesError } from '../../src/rules/reply-rules-error.ts'
import {
  contentDaysKept,
  numberOf,
  outProperties,
  tokenIsHeader
} from './hl7-https-out-properties.ts'
import { is, type ReadValue } from './property-table.ts'
import { searchFieldsProblem } from './search-fields.ts'

/** What a property of `hl7-https-out` is judged by besides its value. */
export interface Circumstances {
  /** Reads the other properties. */
  read: ReadValue
  /** Whether the OAuth 2.0 node uses DPoP, which sets the scheme and needs the header. */
  usesDpop: boolean
  /** Whether iconv-lite has a character set of that name, in lower-case letters and digits. */
  isCodec: (name: string) => boolean
  /** A text of the form: in English, or in the editor's language. */
  text: (key: Key<'forms'>, values?: Values) => string
}

/** Why a value without blanks at its ends cannot be used, in words; an empty string if it can. */
type Judge = (value: string, circumstances: Circumstances) => string

const isEmptyOrAuto = (value: string): boolean => ['', 'auto'].includes(value.toLowerCase())

const judgeHeaderValue: Judge = (value, { text }) => words(text, headerValueProblem(value))

/** How form and runtime judge what they judge alike. */
const JUDGES: Partial<Record<string, Judge>> = {
  url: (value, { text }) => words(text, urlProblem(value)),
  backupUrl: (value, { read, text }) => {
    if (value === '') return ''
    return value === String(read('url')).trim()
      ? words(text, 'backupIsFirst')
      : words(text, urlProblem(value))
  },
  tokenPlacement: (value, { read, usesDpop, text }) => {
    if (usesDpop && value !== 'header') return words(text, 'tokenDpop')
    return value === 'body' && !is('format', 'form')(read) ? words(text, 'tokenBody') : ''
  },
  authHeader: (value, { text }) => (value === '' ? '' : words(text, headerNameProblem(value))),
  authScheme: judgeHeaderValue,
  contentType: judgeHeaderValue,
  bodyPartType: judgeHeaderValue,
  bodyTemplate: (value, { read, text }) =>
    value === '' && is('format', 'text')(read) ? words(text, 'bodyTemplate') : '',
  charset: (value, { isCodec, text }) =>
    isEmptyOrAuto(value) || findCharset(value, isCodec) !== null ? '' : words(text, 'charset'),
  orderKey: (value, { text }) => (readPath(value) === undefined ? words(text, 'hl7Path') : ''),
  inactivityTimes: (value, { text }) =>
    parseTimes(value) === undefined ? words(text, 'inactivityTimes') : '',
  searchFields: (value, { text }) => words(text, searchFieldsProblem(value)),
  replyCodeActions: (value, { text }) => {
    try {
      parseReplyRules(value)
      return ''
    } catch (error) {
      if (!(error instanceof ReplyRulesError)) throw error
      const reason = text(`ruleMistake.${error.mistake}`)
      return text('problem.replyCodeActions', { position: error.position + 1, reason })
    }
  }
} satisfies { [Name in keyof typeof outProperties]?: Judge }

const doubtBlank: Judge = (value, { text }) =>
  typedUrlProblem(value) === 'urlBlank' ? words(text, 'urlBlank') : ''

/** A media type (RFC 9110 §8.3.1); its parameters are not looked at. */
const doubtMediaType: Judge = (value, { text }) =>
  value === '' || /^[^\s/;,]+\/[^\s/;,]+/.test(value) ? '' : words(text, 'contentType')

/** What works, but not as it is written: the form marks it, too; a deployed node says so in a warning. */
const DOUBTS: Partial<Record<string, Judge>> = {
  url: doubtBlank,
  backupUrl: doubtBlank,
  contentType: doubtMediaType,
  bodyPartType: doubtMediaType,
  contentDays: (value, { read, text }) => {
    const days = contentDaysKept(read)
    return Number(value) > days ? text('problem.contentBeyondJournal', { days }) : ''
  },
  retryMaxInterval: (value, { read, text }) => {
    const seconds = numberOf(read, 'retryInterval')
    return Number(value) < seconds ? text('problem.waitBelowFirst', { seconds }) : ''
  }
} satisfies { [Name in keyof typeof outProperties]?: Judge }

/** The properties that are judged here. */
export const judgedProperties = [
  ...new Set(Object.keys({ ...JUDGES, ...DOUBTS }))
] as (keyof typeof outProperties)[]

/** Why a property that is used cannot have a value; an empty string if it can, or if it is not judged here. */
export function outProblem(property: string, value: string, circumstances: Circumstances): string {
  return JUDGES[property]?.(value.trim(), circumstances) ?? ''
}

/** Why a value that can be used does not do what it says, in words; an empty string if it does. */
export function outDoubt(property: string, value: string, circumstances: Circumstances): string {
  return DOUBTS[property]?.(value.trim(), circumstances) ?? ''
}

/** Why a header cannot be sent beside the token, which has its own, and with DPoP the proof. */
export function besideToken(
  name: string,
  { read, usesDpop }: Pick<Circumstances, 'read' | 'usesDpop'>
): 'headerReserved' | 'headerIsToken' | undefined {
  if (!tokenIsHeader(read)) return undefined
  if (usesDpop && name.toLowerCase() === 'dpop') return 'headerReserved'
  const tokenHeader = String(read('authHeader')).trim() || outProperties.authHeader.default
  return name.toLowerCase() === tokenHeader.toLowerCase() ? 'headerIsToken' : undefined
}

function words(
  text: Circumstances['text'],
  problem: KeyUnder<'forms', 'problem'> | '' | undefined
): string {
  return problem === undefined || problem === '' ? '' : text(`problem.${problem}`)
}
