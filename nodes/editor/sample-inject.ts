import { sampleSegments } from '../tests/test-sample.ts'

/**
 * An inject node with a sample message. Each time it is pressed, the message has a control ID and a time
 * of its own.
 *
 * @param type MSH-9, such as `ADT^A01`
 */
export function sampleInject(type: string): { type: string } & Record<string, unknown> {
  // No segment contains a blank.
  const segments = sampleSegments(type, ' id ', ' time ').map((segment) =>
    JSON.stringify(segment).replace(/ (id|time) /g, '" & $$$1 & "')
  )
  const payload = [
    '(',
    '  $id := "TEST" & $uppercase($formatBase($millis(), 36));',
    '  $time := $now("[Y0001][M01][D01][H01][m01][s01]");',
    `  $join([`,
    ...segments.map((segment, index) => `    ${segment}${index < segments.length - 1 ? ',' : ''}`),
    '  ], "\\r")',
    ')'
    // In its field, which has one line, Node-RED keeps the line breaks of an expression as tabs.
  ].join('\t')
  return {
    type: 'inject',
    name: `${type} (test)`,
    props: [{ p: 'payload' }],
    payload,
    payloadType: 'jsonata',
    topic: '',
    repeat: '',
    crontab: '',
    once: false,
    onceDelay: 0.1
  }
}
