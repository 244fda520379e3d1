import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
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
    ['only an MSA', ' MSA|AA|1', 'MSA|AA|1\r'],
    ['only MSH', 'MSH', null],
    ['other separators', 'MSH:;~\\&\rMSA:AA:1\r', 'MSH:;~\\&\rMSA:AA:1\r'],
    ['a short header', 'MSH|\r', 'MSH|\r'],
    ['an empty MSH-2', 'MSH||A|B\r', 'MSH||A|B\r'],
    ['MSH-2 for HTML', 'MSH|^~\\&amp;|A\rMSA|AA|1\r', 'MSH|^~\\&amp;|A\rMSA|AA|1\r'],
    ['words after a bar', 'BHS|FHS segments are refused', null],
    ['the name of a field', 'BHS-11 is required', null],
    ['two names of fields', 'MSH-10 is required\rMSA-2 is missing', null],
    ['a colon after the name', 'BHS: batch header not supported', null],
    ['a slash after the name', 'FHS/BHS batches are refused', null],
    ['dots after the name', 'BHS...\rnot supported', null],
    ['an arrow after the name', 'MSH-->missing', null],
    ['a word', 'MSHARE is down', null],
    ['a word like MSA', 'MSA is down', null],
    ['MSH later', 'HTTP OK\rMSH|^~\\&\r', null],
    ['OK', 'OK', null],
    ['HTML', '<html>MSH|^~\\&</html>', null],
    ['JSON', '{"hl7":"MSH|^~\\\\&"}', null],
    ['only framing', '\x0b\x1c\r', null],
    ['one character', 'M', null],
    ['nothing', '', null]
  ]
  for (const [name, text, expected] of table) {
    it(name, () => {
      assert.equal(readReplyMessage(text)?.text ?? null, expected)
    })
  }

  it('visits the segments with given names, in order, until told to stop', () => {
    const reply = readReplyMessage(
      'MSH|^~\\&|||||||ACK^A01\rMSA|AA|1\rERR||PID^1~PV1|207^x\rMSH:;~\\&\rMSA:AE:2\rERR\r'
    )
    assert.ok(reply)
    const seen: string[] = []
    reply.each(['MSA', 'ERR'], ({ text, separators }) => seen.push(`${separators.field} ${text}`))
    assert.deepEqual(seen, ['| MSA|AA|1', '| ERR||PID^1~PV1|207^x', ': MSA:AE:2', ': ERR'])
    seen.length = 0
    reply.each(['MSA'], ({ text }) => {
      seen.push(text)
      return false
    })
    assert.deepEqual(seen, ['MSA|AA|1'])
    assert.equal(reply.first('ERR')?.text, 'ERR||PID^1~PV1|207^x')
    assert.equal(reply.first('ZZZ'), undefined)
  })

  it('finds the decisive MSA among all of them', () => {
    const accepted = 'MSH|^~\\&\r' + 'MSA|AA|1\r'.repeat(150_000)
    const others = ['MSA|AE|2\r', 'MSA|\\X41\\\\X52\\^x~AA&|3\r', 'MSA|AR|4\r']
    const reply = readReplyMessage(accepted + others.join(''))
    assert.equal(reply?.msa?.fieldText(2), '3')
    assert.equal(readReplyMessage(`${accepted}MSA|A~|2\r`)?.msa?.fieldText(2), '2')
    assert.equal(readReplyMessage(accepted)?.msa?.fieldText(2), '1')
    assert.equal(readReplyMessage('MSH|^~\\&\r')?.msa, undefined)
  })
})
