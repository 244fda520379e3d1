import type { TriedAnswer } from './rule-trial.ts'

/** Answers to choose from, in the order of the list. */
export const trialExamples = [
  'AA',
  'AE',
  'AR',
  'empty',
  'html',
  'fault',
  'batch',
  'unauthorized',
  'timeout',
  'reset',
  'connect'
] as const

export type TrialExample = (typeof trialExamples)[number]

const MSH = (type: string, id: string): string =>
  `MSH|^~\\&|LAB|HOSPITAL|NODE-RED|TEST|20260102030405||${type}|${id}|T|2.5.1`
const ERR = 'ERR||PID^1^3|207^Application internal error^HL70357|E|||Timeout in the database'

/** @param controlId of the message that it answers */
export function exampleAnswer(example: TrialExample, controlId: string): TriedAnswer {
  const acknowledgement = (code: string, ...more: string[]): TriedAnswer =>
    acknowledgementWith(code, controlId, ...more)
  switch (example) {
    case 'AA':
      return acknowledgement('AA')
    case 'AE':
      return acknowledgement('AE', ERR)
    case 'AR':
      return acknowledgement('AR', 'ERR||MSH^1^12|203^Unsupported version id^HL70357|E')
    case 'empty':
      return { status: 200, contentType: '', text: '' }
    case 'html':
      return page(503, 'Service Temporarily Unavailable')
    case 'fault':
      return { status: 500, contentType: 'application/soap+xml', text: FAULT }
    case 'batch':
      return hl7([
        'BHS|^~\\&|LAB|HOSPITAL|NODE-RED|TEST|20260102030405||||B1',
        MSH('ACK^A01^ACK', 'R1'),
        `MSA|AA|${controlId}`,
        MSH('ACK^A01^ACK', 'R2'),
        `MSA|AE|${controlId}`,
        ERR,
        'BTS|2'
      ])
    case 'unauthorized':
      return {
        status: 401,
        contentType: 'application/json',
        text: '{"error": "invalid_token", "error_description": "The access token expired"}'
      }
    case 'timeout':
    case 'reset':
    case 'connect':
      return { failure: example }
  }
}

/** @param more segments, such as ERR */
export function acknowledgementWith(
  code: string,
  controlId: string,
  ...more: string[]
): TriedAnswer {
  return hl7([MSH('ACK^A01^ACK', 'R1'), `MSA|${code}|${controlId}`, ...more])
}

function hl7(segments: readonly string[]): TriedAnswer {
  return { status: 200, contentType: 'application/hl7-v2', text: segments.join('\n') }
}

export function page(status: number, words: string): TriedAnswer {
  const title = `${status} ${words}`
  const text = `<html>\n<head><title>${title}</title></head>\n<body><h1>${title}</h1></body>\n</html>`
  return { status, contentType: 'text/html', text }
}

const FAULT = `<soap:Envelope xmlns:soap="http://www.w3.org/2003/05/soap-envelope">
 <soap:Body>
  <soap:Fault>
   <soap:Code><soap:Value>soap:Receiver</soap:Value></soap:Code>
   <soap:Reason><soap:Text xml:lang="en">Internal error</soap:Text></soap:Reason>
  </soap:Fault>
 </soap:Body>
</soap:Envelope>`
