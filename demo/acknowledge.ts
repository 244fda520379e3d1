/**
 * Decides how the demo's receiver answers an HL7 v2 message, or each of a batch:
 *
 * - AR (reject: MSH cannot be processed) if the version is not 2.3 to 2.8, code 203, or the message
 *   type is unknown, code 200;
 * - AE (error: correct the message before sending it again) without a patient identifier in PID-3
 *   or a patient name in PID-5, code 101, if the date of birth in PID-7 is invalid or in the
 *   future, code 102, or while records are locked, code 206;
 * - AA (accept) otherwise.
 *
 * The codes are from HL7 table 0357.
 */
import { randomUUID } from 'node:crypto'

export type AcknowledgementCode = 'AA' | 'AE' | 'AR'

export interface Acknowledgement {
  code: AcknowledgementCode
  /** The acknowledgement message; each segment ends with CR. */
  text: string
}

interface Fault {
  code: 'AE' | 'AR'
  /** ERR-2: segment, sequence, field. */
  location: [segment: string, sequence: number, field: number]
  /** ERR-3: code and text of table 0357. */
  error: [code: string, text: string]
  /** ERR-8. */
  userMessage: string
}

const locked: Fault = {
  code: 'AE',
  location: ['PID', 1, 3],
  error: ['206', 'Application record locked'],
  userMessage: 'Another user has opened this record. Try again later.'
}

const knownTypes = new Set(['ADT', 'ORM', 'ORU', 'SIU', 'MDM', 'DFT', 'VXU', 'BAR', 'MFN'])
const knownVersion = /^2\.[3-8](?:\.\d)*$/

/**
 * Answers an HL7 v2 message.
 *
 * @param now for MSH-7 of the answer, and to tell whether a date is in the future
 * @param isLocked whether somebody else holds the records. Default false
 * @returns undefined if it is not an HL7 v2 message, or has no control ID
 */
export function acknowledge(
  message: string,
  now: Date,
  isLocked = false
): Acknowledgement | undefined {
  const segments = message.split(/[\r\n]+/).filter((line) => line !== '')
  const [header = ''] = segments
  if (!header.startsWith('MSH') || header.length < 8) return undefined

  const separator = header.charAt(3)
  const component = header.charAt(4)
  // MSH-1 is the separator itself, so piece n of MSH is field n + 1.
  const msh = header.split(separator)
  const controlId = msh[9] ?? ''
  if (controlId === '') return undefined

  const pid = segments.find((line) => line.startsWith(`PID${separator}`))?.split(separator)
  const [type = '', event = ''] = (msh[8] ?? '').split(component)
  const [version = ''] = (msh[11] ?? '').split(component)
  const fault =
    checkHeader(type, version) ??
    checkPatient(pid, component, now) ??
    (isLocked ? locked : undefined)

  const answer = [
    [
      'MSH',
      msh[1] ?? '',
      // Sender and receiver swap places.
      ...[msh[4], msh[5], msh[2], msh[3]],
      hl7Time(now),
      '',
      ['ACK', event, 'ACK'].join(component),
      randomUUID().replaceAll('-', '').slice(0, 20).toUpperCase(),
      msh[10] ?? '',
      knownVersion.test(version) ? version : '2.5.1',
      ...['', '', '', '', ''],
      'UNICODE UTF-8'
    ],
    ['MSA', fault?.code ?? 'AA', controlId]
  ]
  if (fault) {
    answer.push([
      'ERR',
      '',
      fault.location.join(component),
      [...fault.error, 'HL70357'].join(component),
      'E',
      '',
      '',
      '',
      fault.userMessage
    ])
  }
  return {
    code: fault?.code ?? 'AA',
    text: answer.map((fields) => `${fields.join(separator)}\r`).join('')
  }
}

/**
 * Answers a batch (BHS, or FHS and BHS), or a message as `acknowledge` does.
 *
 * @returns undefined if there is no message, or one without a control ID; otherwise the reply, a
 * batch of acknowledgements for a batch, and their codes
 */
export function reply(
  body: string,
  now: Date,
  isLocked = false
): { codes: AcknowledgementCode[]; text: string } | undefined {
  const isBatch = /^(?:FHS|BHS)/.test(body)
  const messages = isBatch ? body.split(/^(?=MSH)/m).slice(1) : [body]
  const answers = messages.map((message) => acknowledge(message, now, isLocked))
  const acknowledgements = answers.filter((answer) => answer !== undefined)
  if (answers.length === 0 || acknowledgements.length < answers.length) return undefined
  const text = acknowledgements.map((one) => one.text).join('')
  return {
    codes: acknowledgements.map(({ code }) => code),
    text: isBatch ? `BHS|^~\\&\r${text}BTS|${answers.length}\r` : text
  }
}

function checkHeader(type: string, version: string): Fault | undefined {
  if (!knownVersion.test(version)) {
    return {
      code: 'AR',
      location: ['MSH', 1, 12],
      error: ['203', 'Unsupported version id'],
      userMessage: 'This receiver supports HL7 versions 2.3 to 2.8.'
    }
  }
  if (!knownTypes.has(type)) {
    return {
      code: 'AR',
      location: ['MSH', 1, 9],
      error: ['200', 'Unsupported message type'],
      userMessage: 'This receiver does not accept messages of this type.'
    }
  }
  return undefined
}

function checkPatient(pid: string[] | undefined, component: string, now: Date): Fault | undefined {
  const missing = (['identifier', 'name'] as const).find(
    (what) => (pid?.[what === 'identifier' ? 3 : 5] ?? '') === ''
  )
  if (missing) {
    return {
      code: 'AE',
      location: ['PID', 1, missing === 'identifier' ? 3 : 5],
      error: ['101', 'Required field missing'],
      userMessage: `The patient has no ${missing}.`
    }
  }
  const birth = pid?.[7]?.split(component)[0] ?? ''
  if (birth === '') return undefined
  if (!/^\d{4}/.test(birth) || birth.slice(0, 8) > hl7Time(now).slice(0, 8)) {
    return {
      code: 'AE',
      location: ['PID', 1, 7],
      error: ['102', 'Data type error'],
      userMessage: 'The date of birth is in the future or not a valid date.'
    }
  }
  return undefined
}

/** `YYYYMMDDHHMMSS+0000`, as HL7's TS and DTM. */
function hl7Time(date: Date): string {
  return `${date.toISOString().replace(/[-:T]/g, '').slice(0, 14)}+0000`
}
