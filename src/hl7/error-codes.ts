import { unpadded } from './unpadded.ts'

/**
 * HL7 table 0357, message error condition codes (v2.5.1 §2.15.5.3; v2.9 for 104 and 198; 999 is what the guide for
 * immunization registries in the USA adds). A receiver may send any word in place of one.
 */
export const ERROR_CODES: ReadonlyMap<string, string> = new Map([
  ['0', 'Message accepted'],
  ['100', 'Segment sequence error'],
  ['101', 'Required field missing'],
  ['102', 'Data type error'],
  ['103', 'Table value not found'],
  ['104', 'Value too long'],
  ['198', 'Non-conformant cardinality'],
  ['199', 'Other HL7 error'],
  ['200', 'Unsupported message type'],
  ['201', 'Unsupported event code'],
  ['202', 'Unsupported processing ID'],
  ['203', 'Unsupported version ID'],
  ['204', 'Unknown key identifier'],
  ['205', 'Duplicate key identifier'],
  ['206', 'Application record locked'],
  ['207', 'Application internal error'],
  ['999', 'Application error']
])

/** Who can do something about an error: the sender of the data, both sides, or the receiver. */
export type ErrorKind = 'data' | 'agreement' | 'key' | 'exists' | 'receiver'

const KINDS: ReadonlyMap<string, ErrorKind> = new Map([
  ['100', 'data'],
  ['101', 'data'],
  ['102', 'data'],
  ['103', 'data'],
  ['104', 'data'],
  ['198', 'data'],
  ['200', 'agreement'],
  ['201', 'agreement'],
  ['202', 'agreement'],
  ['203', 'agreement'],
  ['204', 'key'],
  ['205', 'exists'],
  ['206', 'receiver'],
  ['207', 'receiver']
])

/**
 * What an error is about.
 *
 * @param code ERR-3.1; undefined for any that is not in the table
 */
export function errorKind(code: string): ErrorKind | undefined {
  return KINDS.get(code)
}

/** An error of an acknowledgement, without what the receiver wrote. */
export interface AckErrorRow {
  /** ERR-3.1 if table 0357 has it, else `other`. */
  code: string
  severity: string
  /** The words of table 0357. */
  text: string
}

/** An error in codes, without trailing blanks. Anything may stand in its fields, so what is no code is left out. */
export function errorInCodes({ code, severity }: Omit<AckErrorRow, 'text'>): {
  code: string
  severity: string
} {
  const [bareCode, bareSeverity] = [unpadded(code), unpadded(severity)]
  return {
    code: ERROR_CODES.has(bareCode) ? bareCode : 'other',
    severity: /^[EWIF]$/.test(bareSeverity) ? bareSeverity : ''
  }
}

/** Adds the words of table 0357. */
export function errorRow({ code, severity }: Omit<AckErrorRow, 'text'>): AckErrorRow {
  return { code, severity, text: ERROR_CODES.get(code) ?? '' }
}
