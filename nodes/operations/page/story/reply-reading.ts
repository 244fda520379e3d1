import {
  errorConditionOf,
  errorsOf,
  type AcknowledgementError
} from '../../../../src/hl7/acknowledgement-errors.ts'
import { unpadded } from '../../../../src/hl7/unpadded.ts'
import { linesOf, type Line } from './hl7-lines.ts'

/** An MSA of a reply. */
export interface ReadAnswer {
  /** The number of its line in the reply, from 1. */
  line: number
  /** MSA-1 to MSA-3. */
  code: string
  controlId: string
  text: string
}

/** An error of a reply, and whose it is. */
export interface ReadError extends AcknowledgementError {
  /** The number of its line in the reply, from 1. */
  line: number
  /** MSA-2 of the same message; `''` without one. */
  controlId: string
}

/** What a reply says about the message. */
export interface ReplyReading {
  answers: readonly ReadAnswer[]
  errors: readonly ReadError[]
  /** So many ERR segments are not listed. */
  leftOut: number
}

/** So many MSA segments and so many ERR segments are listed. */
const MOST_LISTED = 100

/** Reads MSA and ERR of a reply; nothing of a text that is not HL7. */
export function readReply(text: string): ReplyReading {
  const answers: (ReadAnswer & { segment: Line['segment'] })[] = []
  const errors: ReadError[] = []
  let leftOut = 0
  /** The errors of the message that is being read: its MSA may follow. */
  let ours: ReadError[] = []
  let controlId = ''
  for (const { number, name, segment } of linesOf(text)) {
    if (name === 'MSH') {
      ours = []
      controlId = ''
    } else if (name === 'MSA') {
      controlId = segment.bareText(2)
      for (const error of ours) error.controlId = controlId
      if (answers.length === MOST_LISTED) continue
      answers.push({
        line: number,
        code: segment.bareText(1),
        controlId,
        text: segment.fieldText(3),
        segment
      })
    } else if (name === 'ERR') {
      if (errors.length >= MOST_LISTED) {
        leftOut += 1
        continue
      }
      const read = errorsOf(segment).map((error) => ({
        ...inCodes(error),
        line: number,
        controlId
      }))
      ours.push(...read)
      errors.push(...read)
    }
  }
  if (errors.length === 0) {
    // MSA-6, of versions before ERR was common.
    for (const { line, controlId: whose, segment } of answers) {
      errors.push(
        ...errorConditionOf(segment).map((error) => ({ ...inCodes(error), line, controlId: whose }))
      )
    }
  }
  return { answers, errors, leftOut }
}

/** With its codes as they are compared. */
function inCodes(error: AcknowledgementError): AcknowledgementError {
  return { ...error, code: unpadded(error.code), severity: unpadded(error.severity) }
}
