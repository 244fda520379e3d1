import { isAccept } from '../hl7/acknowledgement-codes.ts'
import { parsePath, pathText } from '../hl7/path.ts'
import type { Attempt } from './attempt.ts'
import { holds, type Facts } from './holds.ts'
import type { ReplyTest } from './reply-test.ts'

/** Why a test does not hold: which sentence, and what is filled in. */
export interface Reason {
  kind: ReasonKind
  values: Readonly<Record<string, string | number | readonly string[]>>
}

export type ReasonKind =
  | 'acknowledged'
  | 'answered'
  | 'code'
  | 'codeEmpty'
  | 'codeFilled'
  | 'codeKnown'
  | 'empty'
  | 'errorCode'
  | 'errorText'
  | 'family'
  | 'field'
  | 'fieldEmpty'
  | 'fieldText'
  | 'first'
  | 'hasBody'
  | 'isError'
  | 'noAnswer'
  | 'noAck'
  | 'notCounted'
  | 'ownId'
  | 'replyText'
  | 'seemsRefused'
  | 'severity'
  | 'severityNone'
  | 'status'
  | 'statusNone'
  | 'type'
  | 'webPage'

/** So many values of a field are named. */
const MOST_VALUES = 5

const messageCode = parsePath('MSH-9.1')

/** Why a test does not hold, where `holds` says so; or why it accepts nothing all the same. */
export function whyNot(test: ReplyTest, facts: Facts, attempt: Attempt): Reason {
  const { ack, content, error, status } = facts
  const found = facts.code ?? ''
  if (holds(test, facts)) {
    return reason(attempt.reply?.seemsRefused === true ? 'seemsRefused' : 'webPage')
  }
  switch (test.kind) {
    case 'code':
      return codeReason([test.code], facts, attempt)
    case 'code-class':
      return codeReason(test.codes, facts, attempt)
    case 'empty-code':
      return ack === null ? noAck(attempt) : reason('codeFilled', { is: found })
    case 'other-code':
      return ack === null
        ? noAck(attempt)
        : reason(found === '' ? 'codeEmpty' : 'codeKnown', { is: found, wanted: [] })
    case 'no-acknowledgement':
      if (ack !== null) return reason('acknowledged', { is: found })
      return error === null ? reason('empty') : isError(facts)
    case 'no-reply':
      return error === null ? reason('hasBody') : isError(facts)
    case 'foreign-id':
      return ack === null ? noAck(attempt) : reason('ownId')
    case 'same-type': {
      if (error !== null) return isError(facts)
      const msh = attempt.reply?.message?.first('MSH')
      const wanted = attempt.sent.type.split('^', 1)[0] ?? ''
      return msh === undefined
        ? reason('fieldEmpty', { field: 'MSH-9.1' })
        : reason('type', { is: msh.bareValue(messageCode), wanted })
    }
    case 'error':
      return noError(facts)
    case 'error-status':
      if (error === null) return noError(facts)
      return statusReason(facts.errorStatus, test, facts)
    case 'error-code':
      return error === null
        ? noError(facts)
        : reason('errorCode', { is: error.code, wanted: test.code })
    case 'error-family':
      return error === null
        ? noError(facts)
        : reason('family', { is: error.family ?? error.code, wanted: test.family })
    case 'error-text':
      return error === null ? noError(facts) : reason('errorText', { text: test.text })
    case 'status':
      return statusReason(status, test, facts)
    case 'again':
      return reason('first')
    case 'severity':
      if (ack === null) return noAck(attempt)
      return ack.severity === ''
        ? reason('severityNone')
        : reason('severity', { is: ack.severity, wanted: test.severity })
    case 'field-value': {
      if (content === undefined) return reason('noAnswer', { error: error?.code ?? '' })
      const field = pathText(test.path)
      const is = content.values(test.path).filter((value) => value !== '')
      return is.length === 0
        ? reason('fieldEmpty', { field })
        : reason('field', { field, is: is.slice(0, MOST_VALUES), wanted: test.value })
    }
    case 'field-text':
      return content === undefined
        ? reason('noAnswer', { error: error?.code ?? '' })
        : reason('fieldText', { field: pathText(test.path), text: test.text })
    case 'reply-text':
      return content === undefined
        ? reason('noAnswer', { error: error?.code ?? '' })
        : reason('replyText', { text: test.text })
  }
}

function reason(kind: ReasonKind, values: Reason['values'] = {}): Reason {
  return { kind, values }
}

function codeReason(wanted: readonly string[], { code }: Facts, attempt: Attempt): Reason {
  if (code === undefined) return noAck(attempt)
  return code === ''
    ? reason('codeEmpty', { is: '', wanted })
    : reason('code', { is: code, wanted })
}

/** No acknowledgement that counts. */
function noAck({ reply, status, error }: Attempt): Reason {
  if (error !== undefined) return reason('noAnswer', { error: error.code })
  const { ack, isFault } = reply
  return ack !== null && isAccept(ack.code)
    ? reason('notCounted', {
        is: ack.code,
        status: isFault === true ? 'SOAP fault' : `HTTP ${status}`
      })
    : reason('noAck')
}

function isError({ error, status }: Facts): Reason {
  return reason('isError', { error: error?.family === undefined ? `HTTP ${status}` : error.code })
}

function noError({ ack, status }: Facts): Reason {
  return ack === null
    ? reason('answered', { status: status ?? 0 })
    : reason('acknowledged', { is: ack.code })
}

function statusReason(
  is: number | undefined,
  { from, to }: { from: number; to: number },
  { error }: Facts
): Reason {
  if (is === undefined) return reason('statusNone', { error: error?.code ?? '' })
  const wanted = from === to ? String(from) : `${String(from).slice(0, 1)}xx`
  return reason('status', { is, wanted })
}
