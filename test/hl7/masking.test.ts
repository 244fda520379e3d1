import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Masking } from '../../src/hl7/masking.ts'

function masked(text: string): string {
  const masking = new Masking()
  return text
    .split('\r')
    .map((segment) => masking.masked(segment))
    .join('\r')
}
const MSH = 'MSH|^~\\&|WARD|NORTH|REG|CITY|20260102030405|s3cret|ADT^A01|M1|P|2.5.1'
const MASKED_MSH = MSH.replace('s3cret', 'X')

describe('what says who somebody is', () => {
  const rows: [what: string, segment: string, expected: string][] = [
    [
      'the patient: names, numbers, addresses, phones; of a number stays who gave it',
      'PID|1|88|NS4711^5^M10^NORTH&1.2&ISO^MR~99^^^STATE^SS|A7|Lindqvist^Astrid&van^Maria|Berg^Eva|198402171230+0100|F||2106-3|Elm St 5&Elm^^Town^^99999||(555)1234567^PRN^PH^^1^555^1234567|x@y.z|en|M|CAT|V1^^^NORTH|999-99-9999|DL5',
      'PID|1|X|X^X^X^NORTH&1.2&ISO^MR~X^^^STATE^SS|X|X^X&X^X|X^X|19000101|F||X|X&X^^X^^X||X^X^X^^X^X^X|X|en|M|X|X^^^NORTH|X|X'
    ],
    [
      'next of kin',
      'NK1|1|Lindqvist^Jan|SPO|Elm St 5|5551234|||20200101',
      'NK1|1|X^X|SPO|X|X|||20200101'
    ],
    [
      'who pays',
      'GT1|1|7^^^N|Lindqvist^Jan||Elm 5|555||19500101|M|P|SPO',
      'GT1|1|X^^^N|X^X||X|X||19000101|M|P|SPO'
    ],
    [
      'the insurance: plan and company stay',
      'IN1|1|PLAN|77^^^HMO|Mutual|Box 1|Jan|555|G7|||20200101|20300101||A|HMO|Lindqvist^Astrid|SEL|19840217|Elm 5',
      'IN1|1|PLAN|77^^^HMO|Mutual|X|X|X|X|||X|20300101||X|HMO|X^X|SEL|19000101|X'
    ],
    ['all of IN2', 'IN2|E1^^^N|999-99-9999', 'IN2|X^X|X'.replace('X^X', 'X^^^X')],
    ['merged numbers', 'MRG|1^^^N^MR~2|3|4^^^N||||Old^Name', 'MRG|X^^^N^MR~X|X|X^^^N||||X^X'],
    [
      'numbers of the visit, and nothing else of it',
      'PV1|1|I|3W^312||P5^^^N||77^House^Greg||||||||||||V19^^^N',
      'PV1|1|I|3W^312||X^^^N||77^House^Greg||||||||||||X^^^N'
    ],
    ['comments', 'NTE|1|L|Mrs. Lindqvist \\T\\ son^called~again|RE', 'NTE|1|L|X^X~X|RE'],
    [
      'a result in words',
      'OBX|1|TX|1^Note||Seen with A. Lindqvist||||||F',
      'OBX|1|TX|1^Note||X||||||F'
    ],
    ['a document', 'OBX|1|ED|1^Doc||^AP^PDF^Base64^JVBERi0|||', 'OBX|1|ED|1^Doc||^X^X^X^X|||'],
    [
      'a string, also one without a type',
      'OBX|1|ST|1||Lindqvist\rOBX|2||1||Lindqvist',
      'OBX|1|ST|1||X\rOBX|2||1||X'
    ],
    [
      'but no number and no code',
      'OBX|1|NM|1^K||4.7|mmol/L\rOBX|2|CWE|1||A^Positive^L',
      'OBX|1|NM|1^K||4.7|mmol/L\rOBX|2|CWE|1||A^Positive^L'
    ],
    ["all of a segment of the sender's own", 'ZPI|1|Lindqvist|Elm^5', 'ZPI|X|X|X^X'],
    [
      'what an older query asks for, and the rows of its answer',
      'ERQ|T1|PID|@PID.3.1^4711~@PID.5^Lindqvist\rSPR|T1|T|find|@PID.5^Lindqvist\rEQL|T1|R|q|SELECT 4711\rVTQ|T1|T|q|PAT|@PID.5^EQ^Lindqvist\rRDT|4711^^^N|Lindqvist^Astrid',
      'ERQ|T1|PID|X^X~X^X\rSPR|T1|T|find|X^X\rEQL|T1|R|q|X\rVTQ|T1|T|q|PAT|X^X^X\rRDT|X^^^X|X^X'
    ],
    [
      'the rest of a segment that goes on in another',
      'PID|1||4711||Lindq\rADD|vist^Astrid',
      'PID|1||X||X\rADD|X^X'
    ],
    [
      'an adverse event: who has seen it, where, and what in their own words',
      `PEO|U|1|2026|||2026|Elm St 5|P|Y|N|D|R|Astrid fell|a b|c|d|e|F|Lindqvist^Jan|Elm St 5|5551234|Q\rPES|NORTH|7^House|Main St 1|555||1|Astrid fell|again|2026`,
      `PEO|U|1|2026|||2026|X|P|Y|N|D|R|X|X|X|X|X|F|X^X|X|X|Q\rPES|NORTH|7^House|Main St 1|555||1|X|X|2026`
    ],
    [
      'comments of other segments',
      `OBR|1${'|'.repeat(38)}Astrid fell||||Astrid walks\rARV||A|VIP|P|not for Jan Lindqvist|\rOVR|A|B|Astrid insists|7^House\rVAR|V1|2026|||C|Astrid refused\rGSP|1|A|G1|S|M|2026|Astrid says\rGSC|1|A|G1|S|2026|||Astrid says\rGSR|1|A|G1|R||||||Astrid says\rAUT|A${'|'.repeat(27)}Astrid\rRF1|A${'|'.repeat(23)}Astrid\rPSL|1${'|'.repeat(47)}Astrid`,
      `OBR|1${'|'.repeat(38)}X||||X\rARV||A|VIP|P|X|\rOVR|A|B|X|7^House\rVAR|V1|2026|||C|X\rGSP|1|A|G1|S|M|2026|X\rGSC|1|A|G1|S|2026|||X\rGSR|1|A|G1|R||||||X\rAUT|A${'|'.repeat(27)}X\rRF1|A${'|'.repeat(23)}X\rPSL|1${'|'.repeat(47)}X`
    ],
    [
      'persons of segments of version 2.6 and later',
      `REL|1|MTH|||||9^Lindqvist^Jan|NORTH|Elm St 5|5551234|2026\rGOL|AD|2026|G|1${'|'.repeat(13)}she walks|A|2026|F|Lindqvist^Astrid\rDON|D1${'|'.repeat(14)}Y|Lindqvist^Astrid|19840217|NORTH\rSCD|${'|'.repeat(32)}4711^^^N^MR|7^House\rOH2|1|A|2026|O|I|W|2020|||||Mill^L|Elm St 5|S|carries Astrid|dust|J1`,
      `REL|1|MTH|||||X^X^X|NORTH|X|X|2026\rGOL|AD|2026|G|1${'|'.repeat(13)}X|A|2026|F|X^X\rDON|D1${'|'.repeat(14)}Y|X^X|19000101|NORTH\rSCD|${'|'.repeat(32)}X^^^N^MR|7^House\rOH2|1|A|2026|O|I|W|2020|||||X^X|X|S|X|X|J1`
    ],
    ['what a query asks for', 'QPD|Z34^Q|T1|4711^^^N|Lindqvist^Astrid', 'QPD|Z34^Q|T1|X^^^X|X^X'],
    [
      'what a receiver quotes, but codes, their own words, and places',
      'MSA|AE|M1|Lindqvist unknown|||207\rERR|PID^1^5^102&Data type error&HL70357&&Lindqvist|PID^1^5^^1~OBX^12^5|102^Data type error^HL70357|E|N12^Lindqvist^L~N13^^99ABC||Lindqvist|4711',
      'MSA|AE|M1|X|||207\rERR|PID^1^5^102&Data type error&HL70357&&X|PID^1^5^^1~OBX^12^5|102^Data type error^HL70357|E|N12^X^L~N13^^99ABC||X|X'
    ],
    [
      'the words of an exception, where HAPI puts them',
      "MSA|AE|M1||||102^Primitive value '17.02.1984' requires a date^HL70357\rERR||PID^1^7|102^Data type error^HL70357^^^^^^Primitive value '17.02.1984' requires a date|E|1^Lindqvist unknown\rERR|^^^207&Astrid Lindqvist&HL70357&&Astrid",
      'MSA|AE|M1||||102^X^HL70357\rERR||PID^1^7|102^Data type error^HL70357^^^^^^X|E|X^X\rERR|^^^207&X&HL70357&&X'
    ],
    [
      'free text in place of a code or a place',
      'MSA|AE|M1||||Lindqvist\rERR|Lindqvist^Astrid^4711|Patient 4711^1|4711|E|Lindqvist^L^Astrid\rERR|PID^4711222^5|PID^1^Lindqvist|NS4711^NS4711|E\rERR|PID^1^5^Lindqvist|PID^1^5^Lindqvist^1^4711222|constructor|E|Astrid Lindqvist^^L|||||||5551234',
      'MSA|AE|M1||||X\rERR|X^X^X|X^X|X|E|X^X^X\rERR|X^X^X|X^X^X|X^X|E\rERR|PID^1^5^X|PID^1^5^X^1^X|X|E|X^^L|||||||X'
    ],
    [
      'a code of what is no table',
      'ERR||PID^1|102|E|Lindqvist^Astrid^NEIL~Lindqvist^^Jan HL70357~Lindqvist^^HL703571~Lindqvist^^L5',
      'ERR||PID^1|102|E|X^X^X~X^^X~X^^X~X^^X'
    ],
    [
      'numbers, names and addresses of persons in other segments',
      'DB1|1|PT|NS4711^^^N^MR\rCSR|S1|A2|C3|NS1^^^N|NS2|2026\rIAM|1|DA|P||||||||||2026|Lindqvist^Jan|F\rROL|1|AD|PP|7^Lindqvist^Jan|||||||Elm St 5^^Town|5551234\rPRT|1|AD||CP|7^Lindqvist^Jan|||||||||Elm St 5|5551234\rCTD|N|Lindqvist^Jan|Elm St 5|3W|5551234||4711\rPYE|1|P|SEL|N|Lindqvist^Jan|Elm St 5|CA\rCON|1|4||F1|Lindqvist agrees||||',
      'DB1|1|PT|X^^^N^MR\rCSR|S1|A2|C3|X^^^N|X|2026\rIAM|1|DA|P||||||||||2026|X^X|F\rROL|1|AD|PP|X^X^X|||||||X^^X|X\rPRT|1|AD||CP|X^X^X|||||||||X|X\rCTD|N|X^X|X|3W|X||X\rPYE|1|P|SEL|N|X^X|X|CA\rCON|1|4||F1|X||||'
    ],
    [
      'what a sender logs in with',
      'UAC|SAML^A^HL70615|^AP^XML^Base64^PHNhbWw',
      'UAC|SAML^A^HL70615|^X^X^X^X'
    ],
    [
      'where drugs and blood are delivered or given',
      `BPO|1||||||||||Home|Elm St 5^^Town|T\rRXA|0|1|2026${'|'.repeat(25)}Elm St 5^^Town\rRXO|1^A|2||MG||||3W^^^^^^^^Elm St 5|G${'|'.repeat(25)}L^^1|Elm St 5^^Town|555\rRXE||1^A||||||3W^^^^^^^^Elm St 5|S\rRXD|1|A|||||||||||^^^^^^^^Elm St 5|N\rRXG|1|1|||||||||^^^^^^^^Elm St 5|`,
      `BPO|1||||||||||Home|X^^X|T\rRXA|0|1|2026${'|'.repeat(25)}X^^X\rRXO|1^A|2||MG||||X^^^^^^^^X|G${'|'.repeat(25)}L^^1|X^^X|555\rRXE||1^A||||||X^^^^^^^^X|S\rRXD|1|A|||||||||||^^^^^^^^X|N\rRXG|1|1|||||||||^^^^^^^^X|`
    ],
    [
      'no value where there is none, and none where it is to be deleted',
      'PID|1||""||""||""',
      'PID|1||""||""||""'
    ],
    ['a date that is none', 'PID|1||||||17.02.1984', 'PID|1||||||X'],
    [
      'a line that is no segment: a text that was broken',
      'OBX|1|NM|1||7\rAstrid Lindqvist\rPIDX\rPI',
      'OBX|1|NM|1||7\rX\rX\rX'
    ],
    [
      'a segment behind blanks, or in small letters',
      '  PID|1||4711\rpid|1||4711',
      '  PID|1||X\rpid|1||X'
    ],
    [
      'nothing of who is responsible, or of orders',
      'ORC|RE|O1|F1|||||||||7^House\rOBR|1|O1|F1|1^CBC|||20260101||||||flu?||B',
      'ORC|RE|O1|F1|||||||||7^House\rOBR|1|O1|F1|1^CBC|||20260101||||||X||B'
    ]
  ]
  for (const [what, text, expected] of rows) {
    it(what, () => {
      assert.equal(masked(`${MSH}\r${text}`), `${MASKED_MSH}\r${expected}`)
    })
  }

  it('is found by the separators of its own header, whatever these are', () => {
    assert.equal(
      masked(
        'MSH#*$!@#A#B##P#20260101#pw\rPID#1##4711***N$5##Lindqvist*Astrid@v\rMSH|^~\\&|A|B\rPID|1||4711#5'
      ),
      'MSH#*$!@#A#B##P#20260101#X\rPID#1##X***N$X##X*X@X\rMSH|^~\\&|A|B\rPID|1||X'
    )
    // As signs of a regular expression, and with fewer of them than usual.
    assert.equal(
      masked('MSH]^-\\[]A\rPID]1]]47^5^a^N-1]]L^A[v'),
      'MSH]^-\\[]A\rPID]1]]X^X^X^N-X]]X^X[X'
    )
    assert.equal(masked('MSH|^|A\rPID|1||47~1&2^5||L^A'), 'MSH|^|A\rPID|1||X^X||X^X')
    assert.equal(masked('MSH||A\rPID|1||4711^^^N'), 'MSH||A\rPID|1||X^^^N')
  })

  it('of a message without PID is nothing', () => {
    const text = `${MASKED_MSH}\rEVN|A01|20260102030405\rMFI|LAB|X`
    assert.equal(masked(text), text)
    assert.equal(masked(''), '')
  })

  it(
    'is masked in half a million fields, components and repetitions within a moment',
    { timeout: 20_000 },
    () => {
      for (const sign of ['|', '^', '~', '&', '\\']) {
        const text = masked(`${MSH}\rPID|1||${`a${sign}`.repeat(500_000)}`).slice(MSH.length)
        assert.ok(text.includes('X'), sign)
        // Those of the fields that stay.
        assert.ok((text.match(/a/g) ?? []).length < 12, sign)
      }
    }
  )
})
