import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from '../support/properties.ts'
import { Masking, SEEN } from '../../src/hl7/masking.ts'

function masked(text: string): string {
  const masking = new Masking()
  return text
    .split('\r')
    .map((segment) => masking.masked(segment))
    .join('\r')
}
const MSH =
  'MSH|^~\\&|WARD|NORTH|REG|CITY|20260102030405|s3cret|ADT^A01|M1|P|2.5.1|7|C|AL|NE|DEU|8859/1~UNICODE UTF-8|en|alt|IHE^X'
const MASKED_MSH =
  'MSH|^~\\&|X|X|X|X|20260102030405|X|ADT^A01|M1|P|2.5.1|X|X|AL|NE|DEU|8859/1~UNICODE UTF-8|X|X|X^X'

describe('of a message is seen what cannot name anybody', () => {
  const rows: [what: string, segment: string, expected: string][] = [
    [
      'of the patient a set ID, and where something stands',
      'PID|1|88|NS4711^5^M10^NORTH&1.2&ISO^MR~99^^^STATE^SS|A7|Lindqvist^Astrid&van^Maria||198402171230+0100|F||2106-3',
      'PID|1|X|X^X^X^X&X&X^X~X^^^X^X|X|X^X&X^X||190001010000+0000|X||X'
    ],
    [
      'a set ID of at most four digits',
      'PID|1234\rPID|12345\rPV1|0001|x\rNK1|1~2\rOBR|1^2\rOBX|-1\rNTE| 1\rDG1|1a\rAL1|9\rIN1||x\rGT1|٣\rEVN|1\rMRG|7\rZPI|1',
      'PID|1234\rPID|X\rPV1|0001|X\rNK1|X~X\rOBR|X^X\rOBX|X\rNTE|X\rDG1|X\rAL1|9\rIN1||X\rGT1|X\rEVN|X\rMRG|X\rZPI|X'
    ],
    [
      'nothing of who is named where nobody expects it',
      'PD1||||7^House||||||4711^^^N|||NS9\rBLG|||V4711\rSCH|A1|||||||||||Lindqvist^Jan|5551234\rARQ|A1||||||||||||||Lindqvist^Jan|5551234',
      'PD1||||X^X||||||X^^^X|||X\rBLG|||X\rSCH|X|||||||||||X^X|X\rARQ|X||||||||||||||X^X|X'
    ],
    [
      'a code with its coding system, not its text: that is written by somebody',
      'OBX|1|NM|8867-4^Rate of Astrid^LN^HR^Rate^L||80|/min\rOBR|2|O1|F1|CBC^Count^99LAB\rRXA|0|1|2026|2026|207^Dose for Astrid^CVX^^^^^^^59267^x^NDC\rPV1|1|I^Inpatient^HL70004',
      'OBX|1|X|8867-4^X^LN^HR^X^L||X|X\rOBR|2|X|X|CBC^X^99LAB\rRXA|X|X|X|X|207^X^CVX^^^^^^^59267^X^NDC\rPV1|1|I^X^HL70004'
    ],
    [
      'no code without one, nor one of a system that may be a name, nor what is no code',
      'OBX|1|ST|4711^K~4711^Lindqvist^ASTRID~Astrid Lindqvist^^LN~1&2^^LN~^^LN||x\rOBR|1|||4711\rPV1|1|ward^Lindqvist',
      'OBX|1|X|X^X~X^X^X~X^^LN~X&X^^LN~^^LN||X\rOBR|1|||X\rPV1|1|X^X'
    ],
    [
      'which kind of visit it is, in one letter',
      'PV1|1|I|3W^312||P5^^^N\rPV1|1|E~O\rPV1|1|IA',
      'PV1|1|I|X^X||X^^^X\rPV1|1|E~O\rPV1|1|X'
    ],
    [
      'what an acknowledgement is for, and its code',
      'MSA|AE|M1|Lindqvist unknown|||207^Lindqvist^HL70357\rMSA|Lindqvist|M1\rMSA|AA|M1\nLindqvist',
      'MSA|AE|M1|X|||X^X^X\rMSA|X|M1\rMSA|AA|X'
    ],
    [
      'codes and places of errors, in both forms, and none of their words',
      'ERR|PID^1^5^102&Data type error&HL70357&&Lindqvist\rERR||PID^1^5^^1~OBX^12^5|102^Data type error^HL70357^^^^^^Lindqvist|E|N12^Lindqvist^L~N13^^99ABC|4711|Lindqvist|4711|U|Lindqvist^Jan||5551234',
      'ERR|PID^1^5^102&X&HL70357&&X\rERR||PID^1^5^^1~OBX^12^5|102^X^HL70357^^^^^^X|E|N12^X^L~N13^^99ABC|X|X|X|X|X^X||X'
    ],
    [
      'no free text in place of a code or a place',
      'ERR|Lindqvist^Astrid^4711|Patient 4711^1|4711|Eva|Lindqvist^L^Astrid\rERR|PID^4711222^5|PID^1^Lindqvist|NS4711^NS4711|E\rERR|PID^1^5^Lindqvist|PID^1^5^Lindqvist^1^4711222|constructor|E|Astrid Lindqvist^^L\rERR||PID^1|102|E|Lindqvist^Astrid^NEIL~Lindqvist^^Jan HL70357~Lindqvist^^HL703571',
      'ERR|X^X^X|X^X|X|X|X^X^X\rERR|X^X^X|X^X^X|X^X|E\rERR|PID^1^5^X|PID^1^5^X^1^X|X|E|X^^L\rERR||PID^1|102|E|X^X^X~X^^X~X^^X'
    ],
    [
      'that there was a date, and how precise it was; a year alone could be any number',
      'EVN|A01|20260102030405.678-0500|198402171230|19840217|1984|198402\rPID|1||20260102||||17.02.1984|19840299|198402171\rORC|20260101^20260105',
      'EVN|X|19000101000000.000-0000|190001010000|19000101|X|X\rPID|1||19000101||||X|X|X\rORC|19000101^19000101'
    ],
    [
      'whether something is there, is not, or is to be deleted',
      'PID|1||""||""^a|""""|',
      'PID|1||""||""^X|X|'
    ],
    [
      'where text was escaped, but not what',
      'NTE|1|L|Mrs. Lindqvist \\T\\ son\\.br\\called~\\X4C696E64\\ \\H\\now\\N\\|C:\\Lind\\T',
      'NTE|1|X|X\\T\\X\\.br\\X~X\\H\\X\\N\\|X'
    ],
    [
      "names of segments, also of the sender's own, and nothing in them",
      'ZPI|1|Lindqvist|Elm^5\rZ01|19840217\rRDT|4711^^^N\rADD|vist^Astrid\rQPD|Z34^Q|T1|4711',
      'ZPI|X|X|X^X\rZ01|19000101\rRDT|X^^^X\rADD|X^X\rQPD|X^X|X|X'
    ],
    [
      'no line that is no segment: a text that was broken, a name, a segment that ends in its name',
      'OBX|1|NM|1||7\rAstrid Lindqvist\rANN\rEva|1\rPIDX\rPI\rPID^1\r|PID|\rPID',
      'OBX|1|X|X||X\rX\rX\rX\rX\rX\rX\rX\rX'
    ],
    [
      'a segment behind blanks, or in small letters, as any other',
      '  PID|1||4711\rpid|1||4711\rmsh|^~\\&|A|B|C|D|20260102|pw|ADT\r\nPID|1||4711',
      '  PID|1||X\rpid|1||X\rmsh|^~\\&|X|X|X|X|20260102|X|ADT\r\nPID|1||X'
    ],
    [
      'of control characters nothing, and nothing behind them',
      'PID|1\n2||4711\u0000Lindqvist\u001b$B|\u2028Astrid\rNTE|1||a\tb\u000bc',
      'PID|X||X|X\rNTE|1||X'
    ],
    [
      'no field that there is no such field for',
      `PID|1${'|x'.repeat(300)}`,
      `PID|1${'|X'.repeat(300)}`
    ]
  ]
  for (const [what, text, expected] of rows) {
    it(what, () => {
      assert.equal(masked(`${MSH}\r${text}`), `${MASKED_MSH}\r${expected}`)
    })
  }

  it('also of a header: not more than a line, which is no longer than a control ID', () => {
    const head = (type: string, id: string): string => `MSH|^~\\&|||||||${type}|${id}`
    assert.equal(masked(head('ADT\nLindqvist', 'M1')), head('X', 'M1'))
    assert.equal(masked(head('ADT', 'a'.repeat(200))), head('ADT', 'X'))
    assert.equal(masked('MSH'), 'X')
    assert.equal(masked('MSHLindqvist|Astrid'), 'X')
    assert.equal(masked('MSH-Lindqvist-Astrid\rPID|1||4711'), 'X\rPID|1||X')
    assert.equal(masked('MSH|Lindqvist|Astrid|\rPID|1||4711^5'), 'MSH|X|X|\rPID|1||X^X')
    assert.equal(masked(''), '')
    assert.equal(masked('  '), '  ')
  })

  it('by the separators of its own header, whatever these are', () => {
    assert.equal(
      masked(
        'MSH#*$!@#A#B##P#20260101#pw\rPID#1##4711***N$5##Lindqvist*Astrid@v!S!\rMSH|^~\\&|A|B\rPID|1||4711#5'
      ),
      'MSH#*$!@#X#X##X#20260101#X\rPID#1##X***X$X##X*X@X!S!\rMSH|^~\\&|X|X\rPID|1||X'
    )
    // As signs of a regular expression, and with fewer of them than usual.
    assert.equal(
      masked('MSH]^-\\[]A\rPID]1]]47^5^a^N-1]]L^A[v\\T\\w'),
      'MSH]^-\\[]X\rPID]1]]X^X^X^X-X]]X^X[X\\T\\X'
    )
    assert.equal(masked('MSH|^|A\rPID|1||47~1&2^5||L^A\\T\\'), 'MSH|^|X\rPID|1||X^X||X^X')
    assert.equal(masked('MSH||A\rPID|1||4711^^^N'), 'MSH||X\rPID|1||X^^^X')
    // Those of a batch hold as long as there is no other header.
    assert.equal(masked('BHS#*\rPID#1##4711*5'), 'BHS#*\rPID#1##X*X')
  })

  it('and nothing else, whatever stands anywhere; and where something stands', () => {
    // Of these, some fields may hold anything.
    const names = Object.keys(SEEN).filter((name) => name !== 'MSH' && name !== 'MSA')
    const name = fc.constantFrom(...names, 'PD1', 'SCH', 'ZZZ')
    const value = fc.constantFrom('', 'lindqvist', 'lindqvist^astrid', 'lindqvist~a&b', 'NS4711&c')
    fc.assert(
      fc.property(name, fc.array(value, { maxLength: 30 }), (segment, fields) => {
        const text = [segment, ...fields, ''].join('|')
        assert.equal(masked(text), text.replace(/(?<=[|^~&])[^|^~&]+/g, 'X'))
      })
    )
  })

  it(
    'is masked in half a million fields, components and repetitions within a moment',
    { timeout: 20_000 },
    () => {
      for (const sign of ['|', '^', '~', '&', '\\', '\\T\\', '1', '"']) {
        for (const start of ['PID|1||', 'OBX|1||', 'ERR|', 'ERR|||']) {
          const text = masked(`${MSH}\r${start}${`a${sign}`.repeat(500_000)}`)
          assert.ok(!text.slice(MASKED_MSH.length).includes('a'), `${start} ${sign}`)
        }
      }
    }
  )
})
