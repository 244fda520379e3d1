import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { acknowledge, reply } from '../../demo/acknowledge.ts'

const now = new Date('2025-06-01T12:00:00Z')

function message(changes: { msh?: string; pid?: string } = {}): string {
  const { msh = 'ADT^A01|ID1|P|2.5.1', pid = '1||1000||Muster^Anna||19800101|F' } = changes
  return `MSH|^~\\&|A|B|C|D|20250101||${msh}\rPID|${pid}\r`
}

describe('the acknowledgement of the demo receiver', () => {
  it('accepts a complete message', () => {
    const answer = acknowledge(message(), now)
    assert.equal(answer?.code, 'AA')
    assert.match(
      answer.text,
      /^MSH\|\^~\\&\|C\|D\|A\|B\|20250601120000\+0000\|\|ACK\^A01\^ACK\|[0-9A-F]{20}\|P\|2\.5\.1\|{6}UNICODE UTF-8\rMSA\|AA\|ID1\r$/
    )
  })

  const faults = {
    'an unknown version': [
      { msh: 'ADT^A01|ID1|P|3.0' },
      'MSA|AR|ID1\rERR||MSH^1^12|203^Unsupported version id^HL70357|E||||'
    ],
    'an unknown message type': [
      { msh: 'ZZZ^Z01|ID1|P|2.5' },
      'MSA|AR|ID1\rERR||MSH^1^9|200^Unsupported message type^HL70357|E||||'
    ],
    'a missing identifier': [
      { pid: '1||||Muster^Anna' },
      'MSA|AE|ID1\rERR||PID^1^3|101^Required field missing^HL70357|E||||'
    ],
    'a missing name': [
      { pid: '1||1000' },
      'MSA|AE|ID1\rERR||PID^1^5|101^Required field missing^HL70357|E||||'
    ],
    'a date of birth in the future': [
      { pid: '1||1000||Muster^Anna||20250602' },
      'MSA|AE|ID1\rERR||PID^1^7|102^Data type error^HL70357|E||||'
    ],
    'an invalid date of birth': [
      { pid: '1||1000||Muster^Anna||1.2.1980' },
      'MSA|AE|ID1\rERR||PID^1^7|102^Data type error^HL70357|E||||'
    ]
  } as const
  for (const [what, [changes, expected]] of Object.entries(faults)) {
    it(`reports ${what} with field and code`, () => {
      const text = acknowledge(message(changes), now)?.text ?? ''
      assert.ok(text.includes(expected), text)
    })
  }

  it('reports a locked record, unless something else is wrong', () => {
    const text = acknowledge(message(), now, true)?.text ?? ''
    assert.ok(
      text.includes('MSA|AE|ID1\rERR||PID^1^3|206^Application record locked^HL70357|E'),
      text
    )
    assert.match(acknowledge(message({ pid: '1||1000' }), now, true)?.text ?? '', /\|101\^/)
  })

  it('answers with the separators of the message', () => {
    const text = acknowledge(message().replaceAll('|', '#').replaceAll('^', '$'), now)?.text ?? ''
    assert.match(text, /^MSH#\$~\\&#C#D#A#B#.*#ACK\$A01\$ACK#/)
  })

  it('accepts today as the date of birth', () => {
    assert.equal(acknowledge(message({ pid: '1||1||A||20250601' }), now)?.code, 'AA')
  })

  it('does not answer if there is no message or no control ID', () => {
    for (const text of ['', 'MSH', '<html>', 'PID|1', message({ msh: 'ADT^A01||P|2.5' })]) {
      assert.equal(acknowledge(text, now), undefined, text)
    }
  })

  it('acknowledges each message of a batch, or none if one cannot be', () => {
    const two = message() + message({ pid: '1', msh: 'ADT^A01|ID2|P|2.5' })
    const { codes, text } = reply(`FHS|^~\\&|A\rBHS|^~\\&|A\r${two}BTS|2\r`, now) ?? {}
    assert.deepEqual(codes, ['AA', 'AE'])
    assert.match(text ?? '', /^BHS\|.*\rMSH.*\rMSA\|AA\|ID1\rMSH.*\rMSA\|AE\|ID2\rERR.*\rBTS\|2\r$/)
    const nameless = message({ msh: 'ADT^A01||P|2.5' })
    for (const batch of ['BHS|^~\\&|A\r', `BHS|^~\\&|A\r${two}${nameless}`]) {
      assert.equal(reply(batch, now), undefined)
    }
  })
})
