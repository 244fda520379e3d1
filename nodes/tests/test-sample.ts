import { unframe } from '../../src/hl7/framing.ts'
import { withHeaderFields } from '../../src/hl7/header-fields.ts'

/** What a test message is, unless somebody says otherwise. */
export const USUAL_TYPE = 'ADT^A01'

/** Types of samples that have the segments which a receiver asks for that checks what it gets. */
const BUILT_SAMPLES = ['ADT^A01', 'ORU^R01', 'VXU^V04'] as const

/**
 * A sample: an invented patient, MSH-11 `T` (training: nothing must come of it).
 *
 * @param type MSH-9, such as `ADT^A01`; of one that is not built, the header and what most messages have
 * @param controlId MSH-10
 * @param time MSH-7, such as `20260102030405`
 * @returns its segments
 */
export function sampleSegments(type: string, controlId: string, time: string): string[] {
  const built = BUILT_SAMPLES.find((one) => one === type)
  if (built !== undefined) return builtSample(built, controlId, time)
  // Letters, digits and component separators: the typed text cannot add a field or a segment.
  const [code = 'ADT', event = 'A01'] = type
    .split('^')
    .map((part) => part.replace(/[^A-Z0-9_]/gi, ''))
  return [
    `MSH|^~\\&|NODE-RED|TEST|||${time}||${code}^${event}|${controlId}|T|2.5.1`,
    `EVN|${event}|${time}`,
    PATIENT,
    'PV1|1|N'
  ]
}

/** The control ID of the message that replies are tried with. */
export const TRIED_ID = 'TEST1'

/** The message that a reply is compared with where rules are tried: what a test would send. */
export function triedMessage(type: string): string {
  return sampleSegments(type, TRIED_ID, '20260102030405').join('\r')
}

const PATIENT = 'PID|1||TEST^^^TEST^MR||TEST^TEST^^^^^L||20000101|U'

function builtSample(
  type: (typeof BUILT_SAMPLES)[number],
  controlId: string,
  time: string
): string[] {
  const [code = '', event = ''] = type.split('^')
  const header = (more = ''): string =>
    `MSH|^~\\&|NODE-RED|TEST|RECEIVER|TEST|${time}||${type}^${code}_${event}|${controlId}|T|2.5.1${more}`
  switch (type) {
    case 'ADT^A01':
      return [
        header(),
        `EVN|A01|${time}`,
        PATIENT,
        `PV1|1|N||||||||||||||||||||||||||||||||||||||||||${time}`
      ]
    case 'ORU^R01':
      return [
        header(),
        PATIENT,
        'PV1|1|N',
        'ORC|RE|TEST1^NODE-RED|TEST1^NODE-RED',
        `OBR|1|TEST1^NODE-RED|TEST1^NODE-RED|2345-7^Glucose^LN|||${time}|||||||||||||||${time}||CH|F`,
        `OBX|1|NM|2345-7^Glucose^LN||5.4|mmol/L^^UCUM|3.9-5.6|N|||F|||${time}`
      ]
    case 'VXU^V04':
      return [
        header('|||ER|AL|||||Z22^CDCPHINVS'),
        PATIENT,
        'ORC|RE||TEST1^NODE-RED',
        // No vaccine was administered.
        `RXA|0|1|${time}||998^no vaccine administered^CVX|999||||||||||||||NA`
      ]
  }
}

/**
 * An own sample, with a control ID of its own and MSH-11 `T`, whatever stands there: nothing must come of it. Of a batch,
 * that of each message follows from it.
 *
 * @param text HL7; what is none comes back as it is
 */
export function ownSample(text: string, controlId: string): string {
  let messages = 0
  return withHeaderFields(unframe(text), (name, fields) => {
    while (fields.length < 11) fields.push('')
    if (name !== 'MSH') return fields.with(10, controlId)
    messages++
    // The mode, which may follow the T, says that it comes from an archive, for example.
    return fields.with(9, messages === 1 ? controlId : `${controlId}-${messages}`).with(10, 'T')
  })
}
