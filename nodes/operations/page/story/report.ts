import { ERROR_CODES, errorInCodes } from '../../../../src/hl7/error-codes.ts'
import { printable } from '../../../../src/printable.ts'
import { causeText, tookText } from '../../../../src/told.ts'
import type { KeyUnder } from '../../../../src/english.ts'
import type { RuleText } from '../../../rules/reply-rule-words.ts'
import { severityWords } from '../../../rules/reply-rule-words.ts'
import type { AttemptAnswer, MessageContent } from '../../answers.ts'
import { ruleSaid } from '../rule.ts'
import type { Text } from '../times.ts'
import { placeName, placesIn } from './place.ts'
import { readReply } from './reply-reading.ts'

export interface ReportFacts {
  message: MessageContent
  /** Of the receiver. */
  host: string
  /** Of this package. */
  version: string
  text: Text
  /** The texts of the form, which say a rule in words. */
  ruleText: RuleText
}

/**
 * The story of a message as text for the receiver's support: what they need to find it in their log, and no
 * patient data. Of the HL7 texts it has only MSH-9, MSH-10, MSA-1, codes and places; nothing that somebody typed, such
 * as the reason of a pause, and no text of the receiver's, which may name the patient.
 */
export function report({ message, host, version, text, ruleText }: ReportFacts): string {
  const { acceptedAt, ackCode, attemptList, controlId, errorCode, rule } = message
  const { settledAt, state, type } = message
  const line = (name: KeyUnder<'tab', 'story.report'>, value: string): string[] =>
    value === '' ? [] : [`${text(`story.report.${name}`)}: ${value}`]
  const attemptLine = ({ at, backup = '', ms, requestId = '', result }: AttemptAnswer): string => {
    const address = backup === '' ? [] : [text('phrase.backup', { host: printable(backup) })]
    const named = requestId === '' ? [] : [`x-request-id: ${printable(requestId, 128)}`]
    const facts = [utc(at), tookText(ms, text), causeText(result, text), ...address, ...named]
    return `  ${facts.join(', ')}`
  }
  const left = settledAt === null ? '' : utc(settledAt)
  const unlisted = message.attempts - attemptList.length
  return [
    text('story.report.title'),
    ...line('host', printable(host)),
    ...line('controlId', printable(controlId, 199)),
    ...line('type', printable(type)),
    ...line('accepted', utc(acceptedAt)),
    ...line('state', [text(`messageState.${state}`), left].filter(Boolean).join(', ')),
    ...line('attempts', String(message.attempts)),
    ...(unlisted > 0 ? [`  ${text('told.message-unlisted', { count: unlisted })}`] : []),
    ...attemptList.map(attemptLine),
    ...line('status', receivedStatus(message)),
    ...line('ackCode', ackCode),
    ...errorsOf(message).flatMap(({ code, severity, places }) =>
      line(
        'error',
        [
          [code, ERROR_CODES.get(code) ?? ''].filter(Boolean).join(' '),
          severityWords(severity, ruleText),
          ...places
        ]
          .filter(Boolean)
          .join(', ')
      )
    ),
    ...line('errorCode', errorCode),
    ...line('rule', ruleSaid(rule, { text, ruleText })),
    ...line('sender', `node-red-hl7-https-out ${version}`)
  ].join('\n')
}

/** `2026-11-25 02:41:00.120 UTC` */
function utc(iso: string): string {
  return iso.replace('T', ' ').replace('Z', ' UTC')
}

/** The HTTP status of the receiver; `''` if the last one was that of the token server, or there was none. */
function receivedStatus({ ackCode, attemptList, status }: MessageContent): string {
  const isReceivers = ackCode !== '' || attemptList.at(-1)?.result === String(status)
  return status !== null && isReceivers ? String(status) : ''
}

/** The errors with the places that they are about: those are known only from the reply. */
function errorsOf({ errors, reply }: MessageContent): {
  code: string
  severity: string
  places: string[]
}[] {
  const read = readReply(reply ?? '').errors
  if (read.length === 0) return errors.map((error) => ({ ...error, places: [] }))
  return read.slice(0, MOST_ERRORS).map(({ code, severity, location }) => ({
    ...errorInCodes({ code, severity }),
    places: placesIn(location).map(placeName)
  }))
}

/** As many as the journal keeps. */
const MOST_ERRORS = 10
