import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parsePath } from '../../src/hl7/path.ts'
import { readReplyMessage } from '../../src/hl7/reply-message.ts'

describe('readReplyMessage', () => {
  const table: [string, string, string | null][] = [
    ['a message', 'MSH|^~\\&\rMSA|AA|1\r', 'MSH|^~\\&\rMSA|AA|1\r'],
    ['no final CR', 'MSH|^~\\&\rMSA|AA|1', 'MSH|^~\\&\rMSA|AA|1\r'],
    ['MLLP', '\x0bMSH|^~\\&\rMSA|AA|1\r\x1c\r', 'MSH|^~\\&\rMSA|AA|1\r'],
    ['CR and LF mixed', 'MSH|^~\\&\r\nMSA|AA|1\nERR|\r', 'MSH|^~\\&\rMSA|AA|1\rERR|\r'],
    ['blank lines', 'MSH|^~\\&\r\r\n \t\r\rMSA|AA|1\r\r', 'MSH|^~\\&\rMSA|AA|1\r'],
    ['blanks before', '\r\n  MSH|^~\\&\r', 'MSH|^~\\&\r'],
    ['a no-break space before', '\u00a0MSH|^~\\&\r', 'MSH|^~\\&\r'],
    ['a byte order mark', '\ufeffMSH|^~\\&\r', 'MSH|^~\\&\r'],
    ['a file', 'FHS|^~\\&\r', 'FHS|^~\\&\r'],
    ['a batch', 'BHS|^~\\&\r', 'BHS|^~\\&\r'],
    ['an MSA alone', ' MSA|AA|1', 'MSA|AA|1\r'],
    ['MSH alone', 'MSH', null],
    ['other separators', 'MSH:;~\\&\rMSA:AA:1\r', 'MSH:;~\\&\rMSA:AA:1\r'],
    ['a short header', 'MSH|\r', 'MSH|\r'],
    ['an empty MSH-2', 'MSH||A|B\r', 'MSH||A|B\r'],
    ['MSH-2 for HTML', 'MSH|^~\\&amp;|A\rMSA|AA|1\r', 'MSH|^~\\&amp;|A\rMSA|AA|1\r'],
    ['words behind a bar', 'BHS|FHS segments are refused', null],
    ['the name of a field', 'BHS-11 is required', null],
    ['two names of fields', 'MSH-10 is required\rMSA-2 is missing', null],
    ['a colon behind the name', 'BHS: batch header not supported', null],
    ['a slash behind the name', 'FHS/BHS batches are refused', null],
    ['points behind the name', 'BHS...\rnot supported', null],
    ['an arrow behind the name', 'MSH-->missing', null],
    ['a word', 'MSHARE is down', null],
    ['a word like MSA', 'MSA is down', null],
    ['MSH later', 'HTTP OK\rMSH|^~\\&\r', null],
    ['OK', 'OK', null],
    ['HTML', '<html>MSH|^~\\&</html>', null],
    ['JSON', '{"hl7":"MSH|^~\\\\&"}', null],
    ['framing alone', '\x0b\x1c\r', null],
    ['one character', 'M', null],
    ['nothing', '', null]
  ]
  for (const [name, text, expected] of table) {
    it(name, () => {
      assert.equal(readReplyMessage(text)?.text ?? null, expected)
    })
  }

  it('gives all values at a path, or those of the segment and repetition it names', () => {
    const reply = readReplyMessage(
      'MSH|^~\\&|||||||ACK^A01\rMSA|AA|1|a\\T\\b\rERR||PID^1~PV1|207^x\rMSA|AE|2\rERR||||W\r'
    )
    assert.ok(reply)
    const values: [string, string[]][] = [
      ['MSH-9.1', ['ACK']],
      ['MSH-9.2', ['A01']],
      ['MSA-2', ['1', '2']],
      ['MSA-3', ['a&b', '']],
      ['MSA[2]-1', ['AE']],
      ['MSA[3]-1', []],
      ['ERR-2', ['PID', 'PV1', '']],
      ['ERR-2(2)', ['PV1', '']],
      ['ERR[1]-2(2)', ['PV1']],
      ['ERR-3.2', ['x', '']],
      ['ZZZ-1', []]
    ]
    for (const [path, expected] of values) {
      assert.deepEqual(reply.values(parsePath(path)), expected, path)
    }
  })

  it('gives a hundred thousand segments of a name at most, but every MSA', () => {
    const reply = readReplyMessage(
      'MSH|^~\\&\r' + 'ERR|||1\r'.repeat(100_001) + 'MSA|AA|1\r'.repeat(10_000) + 'MSA|AE|2\r'
    )
    assert.ok(reply)
    assert.equal(reply.segments('ERR').length, 100_000)
    assert.equal(reply.values(parsePath('ERR-3')).length, 100_000)
    assert.equal(reply.values(parsePath('MSA-1')).at(-1), 'AE')
  })
})
