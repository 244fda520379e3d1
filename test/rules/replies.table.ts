/**
 * What receivers, proxies and token servers answer, and what happens to the message: shape of the
 * reply × HTTP status × content type × rules. Read by replies.test.ts.
 *
 * Columns, separated by ` | `:
 * - sent: a name of `sent` below
 * - reply: a name of `bodies`, or `-` for no body; `+ name` adds one of `failures`
 * - HTTP: the status, or `-` for no HTTP answer
 * - content type: a name of `contentTypes`, `-` for none
 * - rules: a name of `ruleStrings`, or the rules themselves
 * - outcome: accept, fail, suspend or disable; `retry, fail` retries first
 * - by: the rule that decided, as written; `-` for none; with `=W` only a warning decided
 * - warns: how many rules warn
 * - ack: MSA-1, MSA-2, worst severity and number of errors of `msg.hl7.ack`; `null` without an MSA that
 *   counts
 */

const cr = '\r'

function message(...segments: string[]): string {
  return segments.join(cr) + cr
}

function header(type = 'ACK^A01^ACK', version = '2.5.1'): string {
  return `MSH|^~\\&|LAB|HOSP|APP|CLINIC|20250314101500||${type}|R1|P|${version}`
}

function ack(code: string, id = 'M1', ...errors: string[]): string {
  return message(header(), `MSA|${code}|${id}`, ...errors)
}

const err = {
  warning: 'ERR||PID^1^8|103^Table value not found^HL70357|W||||Sex is unknown',
  information: 'ERR||PID^1^8|0^Message accepted^HL70357|I||||Stored',
  error: 'ERR||PID^1^3|101^Required field missing^HL70357|E|||No id|Patient id is missing',
  fatal: 'ERR|||207^Application internal error^HL70357|F',
  locked: 'ERR|||206^Application record locked^HL70357|E||||Please try again',
  withoutSeverity: 'ERR||PID^1^3|101^Required field missing^HL70357',
  old: 'ERR|PID^1^3^101&Required field missing&HL70357'
}

const warned = ack('AE', 'M1', err.warning, err.information)
const adt = message(header('ADT^A01^ADT_A01').replace('|R1|', '|M1|'), 'PID|1||4711^^^HOSP^MR')
const base64 = (text: string): string => Buffer.from(text, 'latin1').toString('base64')
const json = (value: unknown): string => JSON.stringify(value)

export const sent = {
  ADT: { controlIds: ['M1'], type: 'ADT^A01', replyDue: true },
  'NE/NE': { controlIds: ['M1'], type: 'ADT^A01', replyDue: false },
  'ER/NE': { controlIds: ['M1'], type: 'ADT^A01', replyDue: false },
  'NE/AL': { controlIds: ['M1'], type: 'ADT^A01', replyDue: true },
  VXU: { controlIds: ['M1'], type: 'VXU^V04', replyDue: true },
  batch: { controlIds: ['F1', 'B1', 'M1', 'M2'], type: 'ADT^A01', replyDue: true }
} as const

/** Bodies as text, or as a Buffer if the bytes matter. */
export const bodies: Readonly<Record<string, string | Buffer>> = {
  AA: ack('AA'),
  CA: ack('CA'),
  AE: ack('AE', 'M1', err.error),
  CE: ack('CE'),
  AR: ack('AR'),
  CR: ack('CR'),
  'AE bare': ack('AE'),
  'AE warnings': warned,
  'AE warning, error': ack('AE', 'M1', err.warning, err.error),
  'AE fatal': ack('AE', 'M1', err.error, err.fatal),
  'AE locked': ack('AE', 'M1', err.locked),
  'AR 207': ack('AR', 'M1', err.fatal),
  'AE old ERR': ack('AE', 'M1', err.old),
  'AE no severity': ack('AE', 'M1', err.withoutSeverity),
  AAX: ack('AAX'),
  aa: ack('aa'),
  ZZ: ack('ZZ'),
  'no code': ack(''),
  'no MSA-2': message(header(), 'MSA|AA'),
  'AE no MSA-2': message(header(), 'MSA|AE'),
  'AA other id': ack('AA', 'M9'),
  'AE other id': ack('AE', 'M9'),
  'AA id M1 in lower case': ack('AA', 'm1'),
  'AA says rejected': message(header(), 'MSA|AA|M1|Record REJECTED: duplicate'),
  'type ACK': message(header('ACK'), 'MSA|AA|M1'),
  'type ACK^': message(header('ACK^'), 'MSA|AA|M1'),
  'type VXU': message(header('VXU^V04'), 'MSA|AA|M1'),
  'type ADT': message(header('ADT^A01'), 'MSA|AA|M1'),
  'no type': message(header(''), 'MSA|AA|M1'),
  'type ADT, ZZ': message(header('ADT^A01'), 'MSA|ZZ|M1'),
  'CR and LF mixed': ack('AE', 'M1', err.error).replace(cr, '\n').replace(`${cr}ERR`, '\r\nERR'),
  'LF only': ack('AA').replaceAll(cr, '\n'),
  CRLF: ack('AA').replaceAll(cr, '\r\n'),
  'SFT before MSA': message(header(), 'SFT|Vendor|1.0|Engine|b1', 'MSA|AE|M1'),
  'no final CR': ack('AA').slice(0, -1),
  'MLLP framed': `\x0b${ack('AA')}\x1c\r`,
  'MLLP framed AR': `\x0b${ack('AR')}\x1c\r`,
  'byte order mark': Buffer.from(`\ufeff${ack('AA')}`),
  'blank lines': `\r\n\r\n${ack('AA').replaceAll(cr, '\r\r')}`,
  'other separators': ack('AE', 'M1', err.error).replaceAll('^', ';').replaceAll('|', ':'),
  'short MSH-2': message('MSH|^|LAB|HOSP|APP|CLINIC|2025||ACK|R1|P|2.3', 'MSA|AA|M1'),
  'five in MSH-2': ack('AA').replace('^~\\&', '^~\\&#'),
  'latin-1 bytes': Buffer.from(message(header(), 'MSA|AE|M1|Größe fehlt'), 'latin1'),
  'escaped text': message(header(), 'MSA|AE|M1|A \\T\\ B \\R\\ C'),
  'two MSA, AA and AE': message(header(), 'MSA|AA|M1', 'MSA|AE|M1', err.error),
  'two MSA, AE and AR': message(header(), 'MSA|AE|M1', err.error, 'MSA|AR|M1', err.fatal),
  'two MSA, AA and ZZ': message(header(), 'MSA|AA|M1', 'MSA|ZZ|M1'),
  'two MSA, ZZ and AE': message(header(), 'MSA|ZZ|M1', 'MSA|AE|M1'),
  'batch of AA': `FHS|^~\\&|LAB${cr}BHS|^~\\&|LAB${cr}${ack('AA')}${ack('AA', 'M2')}BTS|2${cr}FTS|1${cr}`,
  'batch with an AE': `BHS|^~\\&|LAB${cr}${ack('AA')}${ack('AE', 'M2', err.error)}BTS|2${cr}`,
  'batch with an AR': `FHS|^~\\&|LAB${cr}BHS|^~\\&|LAB${cr}${ack('AE')}${ack('AR', 'M2')}BTS|2${cr}FTS|1${cr}`,
  'batch that lists nothing': `FHS|^~\\&|LAB${cr}BHS|^~\\&|LAB${cr}BTS|0${cr}FTS|1${cr}`,
  'batch header alone': `BHS|^~\\&|LAB|HOSP${cr}`,
  'one ACK in a batch': `FHS|^~\\&|LAB${cr}BHS|^~\\&|LAB${cr}${ack('AA')}BTS|1${cr}FTS|1${cr}`,
  'HL7 without MSA': message(header(), 'QAK|Q1|OK'),
  'the request echoed': adt,
  'ERR without MSA': message(header(), err.error),
  'JSON, no HL7': json({ id: 'b1d2', status: 'Received' }),
  'JSON refusal': json({ error: 'invalid_request', message: 'Sender is unknown' }),
  'JSON hl7Ack': json({ message: { data: base64(adt) }, hl7Ack: base64(ack('AA')) }),
  'JSON hl7Nack': json({
    error: {
      code: 400,
      status: 'FAILED_PRECONDITION',
      details: [{ '@type': 'ErrorDetail', hl7Nack: base64(ack('AE', 'M1', err.error)) }]
    }
  }),
  'JSON ack as text': json({ ack: ack('AA') }),
  'JSON ack with LF': json({ ack: ack('AE').replaceAll(cr, '\n') }),
  'JSON string': json(ack('AR')),
  'JSON string of base64': json(base64(ack('AA'))),
  'JSON list': json([ack('AA'), ack('AE', 'M2')]),
  'JSON echo and ack': json({ message: adt, response: ack('AE') }),
  'JSON echo alone': json({ message: adt }),
  'JSON deep': json({ a: [{ b: { Acknowledgement_Message: ack('AR') } }] }),
  'JSON cut': json({ ack: ack('AA') }).slice(0, -4),
  'base64 of AA': base64(ack('AA')),
  'base64 of AE in lines': base64(ack('AE')).replace(/.{20}/g, '$&\r\n'),
  'base64 of a text': base64('Rejected for ever'),
  OK: 'OK',
  'plain id': '1f0c2a44-77',
  '1 byte': '1',
  'line feed': '\n',
  'zero bytes': Buffer.alloc(64),
  'words with MSH': 'The MSH segment is missing. MSA|AA|M1',
  'HTML of a proxy': '<html><body><h1>Bad Gateway</h1></body></html>',
  'XML, no HL7': '<response><code>AA</code></response>',
  'MSH alone': 'MSH',
  'half an MSH': 'MSH|^~',
  'only MSA': `MSA|AA|M1${cr}`,
  binary: Buffer.from('25504446ff00fe0d0a', 'hex')
}

export const failures = {
  refused: { code: 'ECONNREFUSED', family: 'connect', text: 'connect ECONNREFUSED 127.0.0.1:443' },
  'not found': { code: 'ENOTFOUND', family: 'connect', text: 'getaddrinfo ENOTFOUND hl7.invalid' },
  'CONNECT 403': { code: 'PROXY_REFUSED', family: 'connect', text: 'the proxy refused: 403' },
  'no answer': { code: 'ETIMEDOUT', family: 'timeout', text: 'no answer in 30 s' },
  reset: { code: 'ECONNRESET', family: 'reset', text: 'socket hang up' },
  'broken pipe': { code: 'EPIPE', family: 'reset', text: 'write EPIPE' },
  certificate: { code: 'CERT_HAS_EXPIRED', family: 'tls', text: 'certificate has expired' },
  'bad client': { code: 'invalid_client', family: 'token', text: 'the token server answered 401' },
  'bad scope': { code: 'invalid_scope', family: 'token', text: 'the token server answered 400' },
  'no token server': { code: 'ECONNREFUSED', family: 'token', text: 'connect ECONNREFUSED' },
  'token server 503': { code: '503', family: 'token', text: 'the token server answered 503' },
  cut: { code: 'ECONNRESET', family: 'reset', text: 'the answer was cut' },
  'too large': { code: 'HL7_REPLY_TOO_LARGE', text: 'the answer exceeds 100 MB' },
  'bad encoding': { code: 'Z_DATA_ERROR', text: 'incorrect header check' }
} as const

export const contentTypes: Readonly<Record<string, string>> = {
  hl7: 'application/hl7-v2',
  'hl7 utf-8': 'application/hl7-v2; charset=utf-8',
  'hl7 "utf-8"': 'application/hl7-v2; charset="utf-8"',
  'hl7 latin1': 'application/hl7-v2;charset=ISO-8859-1',
  er7: 'x-application/hl7-v2+er7; charset=utf-8',
  plain: 'text/plain',
  html: 'text/html; charset=UTF-8',
  json: 'application/json',
  problem: 'application/problem+json; charset=utf-8',
  octets: 'application/octet-stream',
  nonsense: ';;;charset'
}

export const ruleStrings: Readonly<Record<string, string>> = {
  default: '',
  InterSystems: ':?R=RF,:?E=S,:~=S,:?A=C,:*=S,:I?=W,:T?=C'
}

/** Bodies that `replyPath` or `replyEncoding` affect are in test/https/reply-body.test.ts. */
export const table = `
sent  | reply                    | HTTP | content type | rules        | outcome       | by                               | warns | ack

the six codes, and others
ADT   | AA                       | 200  | hl7          | default      | accept        | :?A=C                            | 0     | AA M1
ADT   | CA                       | 200  | hl7          | default      | accept        | :?A=C                            | 0     | CA M1
ADT   | AE                       | 200  | hl7          | default      | fail          | :?E=F                            | 0     | AE M1 E 1
ADT   | CE                       | 200  | hl7          | default      | fail          | :?E=F                            | 0     | CE M1
ADT   | AR                       | 200  | hl7          | default      | fail          | :?R=F                            | 0     | AR M1
ADT   | CR                       | 200  | hl7          | default      | fail          | :?R=F                            | 0     | CR M1
ADT   | AAX                      | 200  | hl7          | default      | fail          | :*=F                             | 0     | AAX M1
ADT   | aa                       | 200  | hl7          | default      | fail          | :*=F                             | 0     | aa M1
ADT   | ZZ                       | 200  | hl7          | default      | fail          | :*=F                             | 0     | ZZ M1
ADT   | no code                  | 200  | hl7          | default      | fail          | :_=F                             | 0     | (empty) M1
ADT   | AA                       | 200  | hl7          | InterSystems | accept        | :?A=C                            | 0     | AA M1
ADT   | CA                       | 200  | hl7          | InterSystems | accept        | :?A=C                            | 0     | CA M1
ADT   | AE                       | 200  | hl7          | InterSystems | suspend       | :?E=S                            | 0     | AE M1 E 1
ADT   | CE                       | 200  | hl7          | InterSystems | suspend       | :?E=S                            | 0     | CE M1
ADT   | AR                       | 200  | hl7          | InterSystems | retry, fail   | :?R=RF                           | 0     | AR M1
ADT   | CR                       | 200  | hl7          | InterSystems | retry, fail   | :?R=RF                           | 0     | CR M1
ADT   | AAX                      | 200  | hl7          | InterSystems | suspend       | :*=S                             | 0     | AAX M1
ADT   | ZZ                       | 200  | hl7          | InterSystems | suspend       | :*=S                             | 0     | ZZ M1
ADT   | no code                  | 200  | hl7          | InterSystems | fail          | -                                | 0     | (empty) M1
ADT   | aa                       | 200  | hl7          | :aa=C        | accept        | :aa=C                            | 0     | aa M1
ADT   | AAX                      | 200  | hl7          | :AA=C        | fail          | -                                | 0     | AAX M1

an MSA counts whatever the status, AA and CA with 2xx only
ADT   | AA                       | 201  | hl7          | default      | accept        | :?A=C                            | 0     | AA M1
ADT   | AA                       | 202  | hl7          | default      | accept        | :?A=C                            | 0     | AA M1
ADT   | AA                       | 400  | hl7          | default      | fail          | E#4xx=F                          | 0     | null
ADT   | AA                       | 500  | hl7          | default      | retry, fail   | E=RF                             | 0     | null
ADT   | AE                       | 500  | hl7          | default      | fail          | :?E=F                            | 0     | AE M1 E 1
ADT   | AE                       | 500  | hl7          | InterSystems | suspend       | :?E=S                            | 0     | AE M1 E 1
ADT   | AR                       | 400  | hl7          | default      | fail          | :?R=F                            | 0     | AR M1
ADT   | AR                       | 400  | plain        | default      | fail          | :?R=F                            | 0     | AR M1
ADT   | AR                       | 503  | hl7          | default      | fail          | :?R=F                            | 0     | AR M1
ADT   | AR                       | 400  | hl7          | E#400=S,:?R=F | fail         | :?R=F                            | 0     | AR M1
ADT   | AE                       | 500  | hl7          | @status:5xx=S,:?E=F | suspend | @status:5xx=S                    | 0     | AE M1 E 1
ADT   | AA                       | 302  | hl7          | default      | retry, fail   | E=RF                             | 0     | null
ADT   | AA                       | 401  | hl7          | default      | retry, fail   | (E#401,E#403,E#404,E#407)=RF     | 0     | null
ADT   | CA                       | 503  | hl7          | default      | retry, fail   | E=RF                             | 0     | null
ADT   | AA                       | 500  | hl7          | InterSystems | retry, fail   | E=RF                             | 0     | null
ADT   | AA other id              | 500  | hl7          | default      | retry, fail   | E=RF                             | 0     | null
ADT   | AA other id              | 500  | hl7          | :I?=S,:?A=C  | retry, fail   | E=RF                             | 0     | null
ADT   | type ADT                 | 500  | hl7          | (:T?,:?A,:AA,:~)=C | retry, fail | E=RF                         | 0     | null
ADT   | AA says rejected         | 500  | hl7          | @MSA-3*rejected=S | suspend  | @MSA-3*rejected=S                | 0     | null
ADT   | AA                       | 500  | hl7          | @MSA-1:AA=D  | disable       | @MSA-1:AA=D                      | 0     | null
ADT   | AA                       | 500  | hl7          | @*MSA|AA=D   | disable       | @*MSA|AA=D                       | 0     | null
ADT   | AA                       | 500  | hl7          | E#500=S,:?A=C | suspend      | E#500=S                          | 0     | null
ADT   | AA                       | 500  | hl7          | @status:500=C | accept       | @status:500=C                    | 0     | null
ADT   | no code                  | 500  | hl7          | default      | fail          | :_=F                             | 0     | (empty) M1
ADT   | AAX                      | 500  | hl7          | default      | fail          | :*=F                             | 0     | AAX M1
ADT   | two MSA, AA and AE       | 500  | hl7          | default      | fail          | :?E=F                            | 0     | AE M1 E 1
batch | batch of AA              | 500  | hl7          | default      | retry, fail   | E=RF                             | 0     | null
batch | batch with an AE         | 500  | hl7          | default      | fail          | :?E=F                            | 0     | AE M2 E 1
batch | batch header alone       | 401  | hl7          | default      | retry, fail   | (E#401,E#403,E#404,E#407)=RF     | 0     | null
ADT   | JSON hl7Ack              | 500  | json         | default      | retry, fail   | E=RF                             | 0     | null

content types
ADT   | AA                       | 200  | -            | default      | accept        | :?A=C                            | 0     | AA M1
ADT   | AA                       | 200  | plain        | default      | accept        | :?A=C                            | 0     | AA M1
ADT   | AA                       | 200  | html         | default      | accept        | :?A=C                            | 0     | AA M1
ADT   | AA                       | 200  | json         | default      | accept        | :?A=C                            | 0     | AA M1
ADT   | AA                       | 200  | octets       | default      | accept        | :?A=C                            | 0     | AA M1
ADT   | AA                       | 200  | er7          | default      | accept        | :?A=C                            | 0     | AA M1
ADT   | AA                       | 200  | hl7 utf-8    | default      | accept        | :?A=C                            | 0     | AA M1
ADT   | AA                       | 200  | hl7 "utf-8"  | default      | accept        | :?A=C                            | 0     | AA M1
ADT   | AA                       | 200  | nonsense     | default      | accept        | :?A=C                            | 0     | AA M1
ADT   | latin-1 bytes            | 200  | hl7 latin1   | @MSA-3*größe=S | suspend     | @MSA-3*größe=S                   | 0     | AE M1
ADT   | latin-1 bytes            | 200  | -            | @MSA-3*GRÖSSE=S,@MSA-3*GRÖßE=D | disable | @MSA-3*GRÖßE=D         | 0     | AE M1
ADT   | AE                       | 500  | html         | default      | fail          | :?E=F                            | 0     | AE M1 E 1

shapes of HL7
ADT   | MLLP framed              | 200  | hl7          | default      | accept        | :?A=C                            | 0     | AA M1
ADT   | MLLP framed AR           | 400  | octets       | default      | fail          | :?R=F                            | 0     | AR M1
ADT   | CR and LF mixed          | 200  | plain        | default      | fail          | :?E=F                            | 0     | AE M1 E 1
ADT   | LF only                  | 200  | plain        | default      | accept        | :?A=C                            | 0     | AA M1
ADT   | CRLF                     | 200  | plain        | default      | accept        | :?A=C                            | 0     | AA M1
ADT   | SFT before MSA           | 200  | hl7          | default      | fail          | :?E=F                            | 0     | AE M1
ADT   | no final CR              | 200  | hl7          | default      | accept        | :?A=C                            | 0     | AA M1
ADT   | byte order mark          | 200  | hl7 utf-8    | default      | accept        | :?A=C                            | 0     | AA M1
ADT   | blank lines              | 200  | plain        | default      | accept        | :?A=C                            | 0     | AA M1
ADT   | other separators         | 200  | hl7          | default      | fail          | :?E=F                            | 0     | AE M1 E 1
ADT   | other separators         | 200  | hl7          | @ERR-3:101=S | suspend       | @ERR-3:101=S                     | 0     | AE M1 E 1
ADT   | short MSH-2              | 200  | hl7          | default      | accept        | :?A=C                            | 0     | AA M1
ADT   | five in MSH-2            | 200  | hl7          | default      | accept        | :?A=C                            | 0     | AA M1
ADT   | escaped text             | 200  | hl7          | @MSA-3:"A & B ~ C"=S | suspend | @MSA-3:"A & B ~ C"=S            | 0     | AE M1
ADT   | type ACK                 | 200  | hl7          | default      | accept        | :?A=C                            | 0     | AA M1
ADT   | type ACK^                | 200  | hl7          | default      | accept        | :?A=C                            | 0     | AA M1
VXU   | type VXU                 | 200  | hl7          | default      | accept        | :?A=C                            | 0     | AA M1
ADT   | AE old ERR               | 200  | hl7          | default      | fail          | :?E=F                            | 0     | AE M1 - 1
ADT   | AE no severity           | 200  | hl7          | default      | fail          | :?E=F                            | 0     | AE M1 - 1
ADT   | only MSA                 | 200  | hl7          | default      | accept        | :?A=C                            | 0     | AA M1

MSA-2
ADT   | no MSA-2                 | 200  | hl7          | default      | accept        | :?A=C                            | 0     | AA
ADT   | AE no MSA-2              | 200  | hl7          | :I?=S,:?E=F  | fail          | :?E=F                            | 0     | AE
ADT   | AA other id              | 200  | hl7          | default      | accept        | :?A=C                            | 1     | AA M9
ADT   | AE other id              | 200  | hl7          | default      | fail          | :?E=F                            | 1     | AE M9
ADT   | AA id M1 in lower case   | 200  | hl7          | default      | accept        | :?A=C                            | 1     | AA m1
ADT   | AA other id              | 200  | hl7          | InterSystems | accept        | :?A=C                            | 1     | AA M9
ADT   | AA other id              | 200  | hl7          | :I?=S,:?A=C  | suspend       | :I?=S                            | 0     | AA M9
ADT   | AA other id              | 200  | hl7          | :?A=C,:I?=S  | accept        | :?A=C                            | 0     | AA M9
ADT   | AA                       | 200  | hl7          | :I?=S,:?A=C  | accept        | :?A=C                            | 0     | AA M1
ADT   | AA other id              | 200  | hl7          | :I?=WD       | disable       | :I?=WD                           | 1     | AA M9
ADT   | AA other id              | 200  | hl7          | :I?=W        | accept        | :I?=W                            | 1     | AA M9
ADT   | OK                       | 200  | plain        | :I?=S        | fail          | -                                | 0     | null

MSH-9 of the reply
ADT   | type ADT                 | 200  | hl7          | :T?=C        | accept        | :T?=C                            | 0     | AA M1
ADT   | no type                  | 200  | hl7          | :T?=C        | accept        | :T?=C                            | 0     | AA M1
ADT   | type ACK                 | 200  | hl7          | :T?=C        | fail          | -                                | 0     | AA M1
ADT   | type VXU                 | 200  | hl7          | :T?=C        | fail          | -                                | 0     | AA M1
VXU   | type VXU                 | 200  | hl7          | :T?=C        | accept        | :T?=C                            | 0     | AA M1
ADT   | type ADT, ZZ             | 200  | hl7          | InterSystems | suspend       | :*=S                             | 0     | ZZ M1
ADT   | the request echoed       | 200  | hl7          | InterSystems | suspend       | :~=S                             | 0     | null
ADT   | the request echoed       | 200  | hl7          | :T?=C        | accept        | :T?=C                            | 0     | null
ADT   | the request echoed       | 500  | hl7          | :T?=C        | retry, fail   | E=RF                             | 0     | null
ADT   | OK                       | 200  | plain        | :T?=C        | fail          | -                                | 0     | null

several MSAs and batches
ADT   | two MSA, AA and AE       | 200  | hl7          | default      | fail          | :?E=F                            | 0     | AE M1 E 1
ADT   | two MSA, AE and AR       | 200  | hl7          | default      | fail          | :?R=F                            | 0     | AR M1 F 2
ADT   | two MSA, AA and ZZ       | 200  | hl7          | default      | fail          | :*=F                             | 0     | ZZ M1
ADT   | two MSA, ZZ and AE       | 200  | hl7          | default      | fail          | :?E=F                            | 0     | AE M1
ADT   | two MSA, AA and AE       | 200  | hl7          | :AA=C,:AE=S  | suspend       | :AE=S                            | 0     | AE M1 E 1
ADT   | two MSA, AA and AE       | 200  | hl7          | @MSA-1:AA=C,:AE=S | accept   | @MSA-1:AA=C                      | 0     | AE M1 E 1
ADT   | one ACK in a batch       | 200  | hl7          | default      | accept        | :?A=C                            | 0     | AA M1
batch | batch of AA              | 200  | hl7          | default      | accept        | :?A=C                            | 0     | AA M1
batch | batch with an AE         | 200  | hl7          | default      | fail          | :?E=F                            | 0     | AE M2 E 1
batch | batch with an AR         | 200  | hl7          | default      | fail          | :?R=F                            | 0     | AR M2
batch | batch with an AR         | 200  | hl7          | InterSystems | retry, fail   | :?R=RF                           | 0     | AR M2
batch | batch that lists nothing | 200  | hl7          | default      | accept        | :?A=C                            | 0     | AA
batch | batch header alone       | 200  | plain        | default      | accept        | :?A=C                            | 0     | AA
batch | batch that lists nothing | 200  | hl7          | InterSystems | accept        | :?A=C                            | 0     | AA
batch | batch that lists nothing | 500  | hl7          | default      | retry, fail   | E=RF                             | 0     | null
batch | AA                       | 200  | hl7          | default      | accept        | :?A=C                            | 0     | AA M1
batch | AA other id              | 200  | hl7          | default      | accept        | :?A=C                            | 1     | AA M9

2xx without an MSA
ADT   | HL7 without MSA          | 200  | hl7          | default      | fail          | :~=F                             | 0     | null
ADT   | ERR without MSA          | 200  | hl7          | default      | fail          | :~=F                             | 0     | null
ADT   | the request echoed       | 200  | hl7          | default      | fail          | :~=F                             | 0     | null
ADT   | OK                       | 200  | plain        | default      | fail          | :~=F                             | 0     | null
ADT   | OK                       | 200  | plain        | InterSystems | suspend       | :~=S                             | 0     | null
ADT   | plain id                 | 200  | plain        | default      | fail          | :~=F                             | 0     | null
ADT   | plain id                 | 200  | plain        | :~&@status:2xx=C | accept    | :~&@status:2xx=C                 | 0     | null
ADT   | JSON, no HL7             | 201  | json         | default      | fail          | :~=F                             | 0     | null
ADT   | JSON, no HL7             | 201  | json         | :~&@status:201=C,:~=F | accept | :~&@status:201=C                | 0     | null
ADT   | JSON, no HL7             | 200  | json         | :~&@status:201=C,:~=F | fail | :~=F                             | 0     | null
ADT   | JSON, no HL7             | 201  | json         | :~&@*received=C | accept     | :~&@*received=C                  | 0     | null
ADT   | 1 byte                   | 200  | -            | default      | fail          | :~=F                             | 0     | null
ADT   | line feed                | 200  | -            | default      | fail          | :~=F                             | 0     | null
ADT   | zero bytes               | 200  | octets       | default      | fail          | :~=F                             | 0     | null
ADT   | binary                   | 200  | octets       | default      | fail          | :~=F                             | 0     | null
ADT   | words with MSH           | 200  | plain        | default      | fail          | :~=F                             | 0     | null
ADT   | MSH alone                | 200  | plain        | default      | fail          | :~=F                             | 0     | null
ADT   | HTML of a proxy          | 200  | html         | default      | fail          | :~=F                             | 0     | null
ADT   | HTML of a proxy          | 200  | html         | InterSystems | suspend       | :~=S                             | 0     | null
ADT   | XML, no HL7              | 200  | -            | default      | fail          | :~=F                             | 0     | null
ADT   | OK                       | 200  | plain        | :~=W         | accept        | :~=W                             | 1     | null
ADT   | OK                       | 200  | plain        | :?A=C        | fail          | -                                | 0     | null

JSON and base64
ADT   | JSON hl7Ack              | 200  | json         | default      | accept        | :?A=C                            | 0     | AA M1
ADT   | JSON hl7Nack             | 400  | json         | default      | fail          | :?E=F                            | 0     | AE M1 E 1
ADT   | JSON hl7Nack             | 400  | -            | InterSystems | suspend       | :?E=S                            | 0     | AE M1 E 1
ADT   | JSON ack as text         | 200  | json         | default      | accept        | :?A=C                            | 0     | AA M1
ADT   | JSON ack as text         | 201  | plain        | default      | accept        | :?A=C                            | 0     | AA M1
ADT   | JSON ack with LF         | 200  | json         | default      | fail          | :?E=F                            | 0     | AE M1
ADT   | JSON string              | 200  | json         | default      | fail          | :?R=F                            | 0     | AR M1
ADT   | JSON string of base64    | 200  | json         | default      | accept        | :?A=C                            | 0     | AA M1
batch | JSON list                | 200  | json         | default      | fail          | :?E=F                            | 0     | AE M2
ADT   | JSON echo and ack        | 200  | json         | default      | fail          | :?E=F                            | 0     | AE M1
ADT   | JSON echo alone          | 200  | json         | default      | fail          | :~=F                             | 0     | null
ADT   | JSON deep                | 422  | problem      | default      | fail          | :?R=F                            | 0     | AR M1
ADT   | JSON cut                 | 200  | json         | default      | fail          | :~=F                             | 0     | null
ADT   | JSON refusal             | 400  | problem      | default      | fail          | E#4xx=F                          | 0     | null
ADT   | base64 of AA             | 200  | plain        | default      | accept        | :?A=C                            | 0     | AA M1
ADT   | base64 of AE in lines    | 200  | plain        | default      | fail          | :?E=F                            | 0     | AE M1
ADT   | base64 of a text         | 200  | plain        | default      | fail          | :~=F                             | 0     | null
ADT   | base64 of AA             | 200  | plain        | @*MSA|AA=S   | suspend       | @*MSA|AA=S                       | 0     | AA M1

a status outside 2xx without an MSA is an error and nothing else
ADT   | HTML of a proxy          | 502  | html         | default      | retry, fail   | E=RF                             | 0     | null
ADT   | HTML of a proxy          | 503  | html         | default      | retry, fail   | E=RF                             | 0     | null
ADT   | HTML of a proxy          | 504  | html         | default      | retry, fail   | E=RF                             | 0     | null
ADT   | HTML of a proxy          | 502  | html         | InterSystems | retry, fail   | E=RF                             | 0     | null
ADT   | HTML of a proxy          | 503  | html         | InterSystems | retry, fail   | E=RF                             | 0     | null
ADT   | HTML of a proxy          | 504  | html         | InterSystems | retry, fail   | E=RF                             | 0     | null
ADT   | -                        | 500  | -            | default      | retry, fail   | E=RF                             | 0     | null
ADT   | OK                       | 500  | plain        | default      | retry, fail   | E=RF                             | 0     | null
ADT   | OK                       | 500  | plain        | :~=C         | retry, fail   | E=RF                             | 0     | null
ADT   | -                        | 500  | -            | X=C          | retry, fail   | E=RF                             | 0     | null
ADT   | HL7 without MSA          | 500  | hl7          | default      | retry, fail   | E=RF                             | 0     | null
ADT   | -                        | 400  | -            | default      | fail          | E#4xx=F                          | 0     | null
ADT   | -                        | 401  | -            | default      | retry, fail   | (E#401,E#403,E#404,E#407)=RF     | 0     | null
ADT   | JSON refusal             | 403  | json         | default      | retry, fail   | (E#401,E#403,E#404,E#407)=RF     | 0     | null
ADT   | HTML of a proxy          | 404  | html         | default      | retry, fail   | (E#401,E#403,E#404,E#407)=RF     | 0     | null
ADT   | HTML of a proxy          | 407  | html         | default      | retry, fail   | (E#401,E#403,E#404,E#407)=RF     | 0     | null
ADT   | -                        | 405  | -            | default      | fail          | E#4xx=F                          | 0     | null
ADT   | -                        | 408  | -            | default      | retry, fail   | (E#408,E#425,E#429)=RF           | 0     | null
ADT   | -                        | 413  | -            | default      | fail          | E#4xx=F                          | 0     | null
ADT   | JSON refusal             | 415  | json         | default      | fail          | E#4xx=F                          | 0     | null
ADT   | JSON refusal             | 422  | json         | default      | fail          | E#4xx=F                          | 0     | null
ADT   | -                        | 425  | -            | default      | retry, fail   | (E#408,E#425,E#429)=RF           | 0     | null
ADT   | JSON refusal             | 429  | json         | default      | retry, fail   | (E#408,E#425,E#429)=RF           | 0     | null
ADT   | -                        | 301  | -            | default      | retry, fail   | E=RF                             | 0     | null
ADT   | HTML of a proxy          | 302  | html         | default      | retry, fail   | E=RF                             | 0     | null
ADT   | -                        | 304  | -            | default      | retry, fail   | E=RF                             | 0     | null
ADT   | HTML of a proxy          | 520  | html         | default      | retry, fail   | E=RF                             | 0     | null
ADT   | -                        | 400  | -            | InterSystems | fail          | E#4xx=F                          | 0     | null
ADT   | -                        | 404  | -            | InterSystems | retry, fail   | (E#401,E#403,E#404,E#407)=RF     | 0     | null
ADT   | HTML of a proxy          | 503  | html         | E#503=RS,E=F | retry, suspend | E#503=RS                        | 0     | null
ADT   | HTML of a proxy          | 502  | html         | E#503=RS,E=F | fail          | E=F                              | 0     | null
ADT   | HTML of a proxy          | 502  | html         | E#5xx=RD     | retry, disable | E#5xx=RD                        | 0     | null
ADT   | HTML of a proxy          | 502  | html         | E#4xx=D      | retry, fail   | E=RF                             | 0     | null
ADT   | HTML of a proxy          | 502  | html         | @*gateway=D  | disable       | @*gateway=D                      | 0     | null
ADT   | HTML of a proxy          | 502  | html         | E=W          | retry, fail   | E=RF                             | 1     | null
ADT   | JSON refusal             | 400  | json         | E#4xx=W      | fail          | E#4xx=F                          | 1     | null
ADT   | JSON refusal             | 400  | json         | @*unknown=W  | fail          | E#4xx=F                          | 1     | null
ADT   | JSON refusal             | 400  | json         | E#400&@*unknown=S,E=F | suspend | E#400&@*unknown=S              | 0     | null
ADT   | JSON refusal             | 409  | json         | E#409=C      | accept        | E#409=C                          | 0     | null
NE/NE | -                        | 500  | -            | default      | retry, fail   | E=RF                             | 0     | null
NE/NE | HTML of a proxy          | 503  | html         | default      | retry, fail   | E=RF                             | 0     | null

no body
ADT   | -                        | 200  | -            | default      | fail          | X=F                              | 0     | null
ADT   | -                        | 202  | -            | default      | fail          | X=F                              | 0     | null
ADT   | -                        | 204  | -            | default      | fail          | X=F                              | 0     | null
ADT   | -                        | 204  | -            | X&@status:204=C,X=F | accept | X&@status:204=C                  | 0     | null
ADT   | -                        | 200  | hl7          | X=W          | accept        | X=W                              | 1     | null
ADT   | -                        | 200  | -            | InterSystems | fail          | -                                | 0     | null
ADT   | -                        | 200  | -            | :~=C         | fail          | -                                | 0     | null
NE/NE | -                        | 200  | -            | default      | accept        | no rule                          | 0     | null
NE/NE | -                        | 204  | -            | default      | accept        | no rule                          | 0     | null
NE/NE | -                        | 202  | -            | X=F          | accept        | no rule                          | 0     | null
NE/NE | -                        | 200  | -            | X=W,@status:200=D | accept   | no rule                          | 0     | null
ER/NE | -                        | 200  | -            | default      | accept        | no rule                          | 0     | null
ER/NE | -                        | 200  | -            | InterSystems | accept        | no rule                          | 0     | null
ER/NE | AE                       | 200  | hl7          | default      | fail          | :?E=F                            | 0     | AE M1 E 1
ER/NE | AA                       | 200  | hl7          | default      | accept        | :?A=C                            | 0     | AA M1
NE/NE | OK                       | 200  | plain        | default      | fail          | :~=F                             | 0     | null
NE/AL | -                        | 200  | -            | default      | fail          | X=F                              | 0     | null

no HTTP answer
ADT   | - + refused              | -    | -            | default      | retry, fail   | E=RF                             | 0     | null
ADT   | - + not found            | -    | -            | default      | retry, fail   | E=RF                             | 0     | null
ADT   | - + no answer            | -    | -            | default      | retry, fail   | E=RF                             | 0     | null
ADT   | - + reset                | -    | -            | default      | retry, fail   | E=RF                             | 0     | null
ADT   | - + certificate          | -    | -            | default      | retry, fail   | E=RF                             | 0     | null
ADT   | - + refused              | -    | -            | InterSystems | retry, fail   | E=RF                             | 0     | null
NE/NE | - + no answer            | -    | -            | default      | retry, fail   | E=RF                             | 0     | null
ADT   | - + refused              | -    | -            | E#connect=S  | suspend       | E#connect=S                      | 0     | null
ADT   | - + CONNECT 403          | -    | -            | E#403=F,E#connect=S | suspend | E#connect=S                    | 0     | null
ADT   | - + refused              | -    | -            | (E#timeout,E#reset,E#tls,E#token)=D,E#connect=S | suspend | E#connect=S | 0 | null
ADT   | - + no answer            | -    | -            | (E#connect,E#reset,E#tls,E#token)=D,E#timeout=F | fail | E#timeout=F | 0 | null
ADT   | - + reset                | -    | -            | (E#connect,E#timeout,E#tls,E#token)=D,E#reset=F | fail | E#reset=F | 0 | null
ADT   | - + certificate          | -    | -            | (E#connect,E#timeout,E#reset,E#token)=D,E#tls=F | fail | E#tls=F | 0 | null
ADT   | - + refused              | -    | -            | E#ECONNREFUSED=D | disable   | E#ECONNREFUSED=D                 | 0     | null
ADT   | - + refused              | -    | -            | E#econnrefused=D | retry, fail | E=RF                           | 0     | null
ADT   | - + broken pipe          | -    | -            | E#EPIPE=S    | suspend       | E#EPIPE=S                        | 0     | null
ADT   | - + reset                | -    | -            | E*HANG UP=S  | suspend       | E*HANG UP=S                      | 0     | null
ADT   | - + reset                | -    | -            | (:~,X,:_,:*)=C | retry, fail | E=RF                             | 0     | null
ADT   | - + reset                | -    | -            | E#5xx=D      | retry, fail   | E=RF                             | 0     | null

no token
ADT   | - + bad scope            | -    | -            | default      | retry, fail   | E=RF                             | 0     | null
ADT   | - + bad scope            | -    | -            | (E#4xx,E#400)=D | retry, fail | E=RF                            | 0     | null
ADT   | - + bad scope            | 400  | -            | (E#4xx,E#400)=D | retry, fail | E=RF                            | 0     | null
ADT   | - + bad scope            | 400  | -            | (@status:4xx,@status:400)=D | retry, fail | E=RF                | 0     | null
ADT   | - + bad client           | -    | -            | (E#4xx,E#401)=D,E#invalid_client=S | suspend | E#invalid_client=S | 0 | null
ADT   | - + bad client           | -    | -            | E#token=RS   | retry, suspend | E#token=RS                      | 0     | null
ADT   | - + no token server      | -    | -            | E#connect=D,E#token=S | suspend | E#token=S                     | 0     | null
ADT   | - + no token server      | -    | -            | E#ECONNREFUSED=S | suspend   | E#ECONNREFUSED=S                 | 0     | null
ADT   | - + token server 503     | -    | -            | E#5xx=D,E#503=D,E#token=S | suspend | E#token=S                | 0     | null
ADT   | JSON refusal + bad client | 401 | json         | E#401=D,E#token=S | suspend  | E#token=S                        | 0     | null

an answer that cannot be read
ADT   | OK + cut                 | 200  | plain        | default      | retry, fail   | E=RF                             | 0     | null
ADT   | OK + cut                 | 200  | plain        | :~=C,E=S     | suspend       | E=S                              | 0     | null
ADT   | - + cut                  | 200  | -            | X=C,E#reset=S | suspend      | E#reset=S                        | 0     | null
NE/NE | - + cut                  | 200  | -            | default      | retry, fail   | E=RF                             | 0     | null
ADT   | half an MSH + cut        | 200  | hl7          | default      | retry, fail   | E=RF                             | 0     | null
ADT   | AA + cut                 | 200  | hl7          | default      | retry, fail   | E=RF                             | 0     | null
ADT   | AE + cut                 | 200  | hl7          | default      | fail          | :?E=F                            | 0     | AE M1 E 1
ADT   | batch header alone + cut | 200  | hl7          | default      | retry, fail   | E=RF                             | 0     | null
ADT   | - + too large            | 200  | hl7          | default      | retry, fail   | E=RF                             | 0     | null
ADT   | - + too large            | 200  | hl7          | E#HL7_REPLY_TOO_LARGE=F | fail | E#HL7_REPLY_TOO_LARGE=F       | 0     | null
ADT   | - + bad encoding         | 200  | hl7          | E#Z_DATA_ERROR=F | fail      | E#Z_DATA_ERROR=F                 | 0     | null
ADT   | - + bad encoding         | 200  | hl7          | (E#connect,E#timeout,E#reset,E#tls,E#token)=D | retry, fail | E=RF | 0 | null
ADT   | HTML of a proxy + cut    | 503  | html         | E#503=S      | suspend       | E#503=S                          | 0     | null
ADT   | - + too large            | 413  | html         | default      | fail          | E#4xx=F                          | 0     | null

recipes
ADT   | AE warnings              | 200  | hl7          | :?E&@severity:W=WC,:?A=C | accept | :?E&@severity:W=WC          | 1     | AE M1 W 2
ADT   | AE warning, error        | 200  | hl7          | :?E&@severity:W=WC,:?E=F | fail | :?E=F                         | 0     | AE M1 E 2
ADT   | AE fatal                 | 200  | hl7          | @severity:E=S,@severity:F=D | disable | @severity:F=D            | 0     | AE M1 F 2
ADT   | AE bare                  | 200  | hl7          | (@severity:I,@severity:W,@severity:E,@severity:F)=C,:AE=F | fail | :AE=F | 0 | AE M1
ADT   | AE old ERR               | 200  | hl7          | (@severity:W,@severity:E)=C,@ERR-1.4*101=S | suspend | @ERR-1.4*101=S | 0 | AE M1 - 1
ADT   | AE locked                | 200  | hl7          | (@ERR-3:206,@ERR-3:207)=RF,:?E=F | retry, fail | (@ERR-3:206,@ERR-3:207)=RF | 0 | AE M1 E 1
ADT   | AR 207                   | 200  | hl7          | (@ERR-3:206,@ERR-3:207)=RF,:?R=F | retry, fail | (@ERR-3:206,@ERR-3:207)=RF | 0 | AR M1 F 1
ADT   | AE                       | 200  | hl7          | (@ERR-3:206,@ERR-3:207)=RF,:?E=F | fail | :?E=F                 | 0     | AE M1 E 1
ADT   | AE locked                | 200  | hl7          | @ERR-3:20=RF,:?E=F | fail    | :?E=F                            | 0     | AE M1 E 1
ADT   | AE locked                | 200  | hl7          | @ERR-3.2:"Application record locked"=RS | retry, suspend | @ERR-3.2:"Application record locked"=RS | 0 | AE M1 E 1
ADT   | AE                       | 200  | hl7          | @ERR-8*PATIENT ID=S | suspend | @ERR-8*PATIENT ID=S             | 0     | AE M1 E 1
ADT   | AA says rejected         | 200  | hl7          | @MSA-3*rejected=F,:?A=C | fail | @MSA-3*rejected=F              | 0     | AA M1
ADT   | AA                       | 200  | hl7          | @MSA-3*rejected=F,:?A=C | accept | :?A=C                        | 0     | AA M1
ADT   | AA says rejected         | 200  | hl7          | @*rejected=F,:?A=C | fail     | @*rejected=F                    | 0     | AA M1
ADT   | - + no answer            | -    | -            | :?A=C,E#timeout=F,E=RF | fail | E#timeout=F                     | 0     | null
ADT   | - + refused              | -    | -            | :?A=C,E#timeout=F,E=RF | retry, fail | E=RF                     | 0     | null
ADT   | AA                       | 200  | hl7          | @MSH-9:ACK&@MSH-9.2:A01=C | accept | @MSH-9:ACK&@MSH-9.2:A01=C  | 0     | AA M1
ADT   | AA                       | 200  | hl7          | (:?R,:AA&@status:201)=S,:?A=C | accept | :?A=C                  | 0     | AA M1
ADT   | AA                       | 201  | hl7          | (:?R,:AA&@status:201)=S,:?A=C | suspend | (:?R,:AA&@status:201)=S | 0   | AA M1
`
