/**
 * A sample: an invented patient, MSH-11 `T` (test).
 *
 * @param type MSH-9, such as `ADT^A01`
 * @param controlId MSH-10
 * @param time MSH-7, such as `20260102030405`
 * @returns its segments
 */
export function sampleSegments(type: string, controlId: string, time: string): string[] {
  // Letters, digits and component separators: the typed text cannot add a field or a segment.
  const [code = 'ADT', event = 'A01'] = type
    .split('^')
    .map((part) => part.replace(/[^A-Z0-9_]/gi, ''))
  return [
    `MSH|^~\\&|NODE-RED|TEST|||${time}||${code}^${event}|${controlId}|T|2.5.1`,
    `EVN|${event}|${time}`,
    'PID|1||TEST^^^TEST^MR||TEST^TEST',
    'PV1|1|N'
  ]
}
