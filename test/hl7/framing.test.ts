import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { describe, it } from 'node:test'
import { unframe, unframeBytes } from '../../src/hl7/framing.ts'
import fc from '../support/properties.ts'

const table: [string, string, string][] = [
  ['nothing to do', 'MSH|1\rPID|1\r', 'MSH|1\rPID|1\r'],
  ['line feeds', 'MSH|1\nPID|1\n', 'MSH|1\rPID|1\r'],
  ['CRLF', 'MSH|1\r\nPID|1\r\n', 'MSH|1\rPID|1\r'],
  ['CR, LF and CRLF mixed', 'MSH|1\rPID|1\nPV1|1\r\nZZZ\r', 'MSH|1\rPID|1\rPV1|1\rZZZ\r'],
  ['LF before CR', 'MSH|1\n\rPID|1\n\r', 'MSH|1\r\rPID|1\r'],
  ['no final CR', 'MSH|1\rPID|1', 'MSH|1\rPID|1\r'],
  ['several final CRs', 'MSH|1\r\r\r', 'MSH|1\r'],
  ['blank lines inside', 'MSH|1\r\r \t\r\nPID|1\r', 'MSH|1\r\r \t\rPID|1\r'],
  ['blank lines inside, with CRLF', 'MSH|1\r\n\r\n \r\nPID|1\r\n\r\n', 'MSH|1\r\r \rPID|1\r'],
  ['blank lines inside, with LF', 'MSH|1\n\n\nPID|1\n \n', 'MSH|1\r\r\rPID|1\r'],
  ['blank lines around framing', '\x1c\r\r \rMSH|1\r\r\x1c\r\r', 'MSH|1\r'],
  ['blank lines between frames', '\x0bMSH|1\r\x1c\r\r\x0bMSH|2\r', 'MSH|1\r\rMSH|2\r'],
  ['an end block after blanks', 'MSH|1\r \x1c \r\r', 'MSH|1\r \x1c \r'],
  ['a start block after blanks', 'MSH|1\r \x0b\r\r', 'MSH|1\r \x0b\r'],
  ['blank lines before', '\r\n \n\tMSH|1\r', '\tMSH|1\r'],
  ['a last line of spaces', 'MSH|1\n    ', 'MSH|1\r'],
  ['MLLP', '\x0bMSH|1\rPID|1\r\x1c\r', 'MSH|1\rPID|1\r'],
  ['MLLP without a CR before its end', '\x0bMSH|1\rPID|1\x1c\r', 'MSH|1\rPID|1\r'],
  ['MLLP without its last byte', '\x0bMSH|1\r\x1c', 'MSH|1\r'],
  ['a start block inside', 'MSH|1\r\x0bMSH|2\r', 'MSH|1\rMSH|2\r'],
  ['an end block inside', 'MSH|1\x1c\rMSH|2\r', 'MSH|1\rMSH|2\r'],
  ['several framing bytes', '\x0b\x0bMSH|1\x1c\x1c\r\x0b\x1c\r', 'MSH|1\r'],
  ['an end block at the start', '\x1cMSH|1\r', '\x1cMSH|1\r'],
  ['two MLLP messages', '\x0bMSH|1\r\x1c\r\x0bMSH|2\r\x1c\r', 'MSH|1\rMSH|2\r'],
  ['framing bytes inside a line', 'MSH|\x0b1\x1c|\r', 'MSH|\x0b1\x1c|\r'],
  ['trailing blanks and separators of a line', 'MSH|1 \rPID||| \r', 'MSH|1 \rPID||| \r'],
  ['start blocks on several lines', 'MSH|1\r\x0b\x0bPID|1\r\x0bPV1|1\r', 'MSH|1\rPID|1\rPV1|1\r'],
  ['end blocks on several lines', 'MSH|1\x1c\rPID|1\x1c\rPV1|1\r', 'MSH|1\rPID|1\rPV1|1\r'],
  ['several lines of framing', 'MSH|1\r\x0b\x1c\rPID|1\r\x0b\x1c\rPV1\r', 'MSH|1\rPID|1\rPV1\r'],
  ['a line of framing before a start block', '\x0b \x1c\r\x0bMSH|1\r', 'MSH|1\r'],
  ['a blank line before framing', 'MSH|1\r \r\x0b', 'MSH|1\r'],
  ['only framing', '\x0b\r\n\x1c\r', ''],
  ['only framing in the wrong order', '\x1c\r\x0b', ''],
  ['nothing', '', '']
]

describe('unframe', () => {
  for (const [name, framed, expected] of table) {
    it(`${name}, in text and in bytes`, () => {
      assert.equal(unframe(framed), expected)
      assert.equal(unframeBytes(Buffer.from(framed)).toString(), expected)
    })
  }

  it('removes a byte order mark before or after the start block only', () => {
    assert.equal(unframe('\ufeffMSH|\ufeff\r'), 'MSH|\ufeff\r')
    assert.equal(unframe('\x0b\ufeffMSH|1\r'), 'MSH|1\r')
    assert.equal(unframe('\ufeff\x0bMSH|1\r'), 'MSH|1\r')
    for (const before of ['\r', '\n', ' \t\r', '\r\n \r\n']) {
      assert.equal(unframe(`${before}\ufeffMSH|1\r`), 'MSH|1\r')
      assert.equal(unframeBytes(Buffer.from(`${before}\ufeffMSH|1\r`)).toString(), 'MSH|1\r')
    }
    for (const framed of ['\ufeffMSH|\ufeff\r', '\x0b\ufeffMSH|\ufeff\r']) {
      assert.equal(unframeBytes(Buffer.from(framed)).toString(), 'MSH|\ufeff\r')
    }
  })

  it('returns the same memory if only the ends have framing', () => {
    for (const framed of ['MSH|1\rPID|1\r', '\x0bMSH|1\rPID|1\r\x1c\r', '\r\rMSH|1\r\r\r']) {
      // Small Buffers share memory anyway.
      const { buffer } = new Uint8Array(Buffer.from(framed))
      assert.equal(unframeBytes(Buffer.from(buffer)).buffer, buffer)
    }
  })

  it('treats only all three bytes as a mark', () => {
    for (const start of ['\xef\xbbM', '\xefM\xbf', 'M\xbb\xbf', '\xefMM']) {
      const bytes = Buffer.from(`${start}SH|1\r`, 'latin1')
      assert.deepEqual(unframeBytes(bytes), bytes)
    }
  })

  it('never writes to its argument', () => {
    const bytes = Buffer.from('\x0bMSH|1\r\n\nPID|1\x1c\r')
    const before = Buffer.from(bytes)
    unframeBytes(bytes)
    assert.deepEqual(bytes, before)
  })

  it('reads bytes as it reads text', () => {
    const piece = fc.constantFrom('\r', '\n', '\x0b', '\x1c', ' ', '\t', 'MSH|', 'a')
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const text = pieces.join('')
        const once = unframe(text)
        assert.equal(unframeBytes(Buffer.from(text)).toString(), once)
        assert.equal(once, byLines(text))
        assert.equal(unframe(text, 'dropped'), once.replace(/^[ \t]*\r/gm, ''))
      }),
      { numRuns: 500 }
    )
  })
})

/** The rule, line by line. */
function byLines(text: string): string {
  const kept: string[] = []
  let waiting: string[] = []
  for (const line of text.replace(/^[\r\n\t \v]*[\r\n\v]/, '').split(/\r\n|\r|\n/)) {
    let content = line.replace(/^\v+/, '')
    while (content.endsWith('\x1c')) content = content.slice(0, -1)
    if (/[^ \t]/.test(content)) {
      kept.push(...waiting, content)
      waiting = []
    } else if (content === line && kept.length > 0) waiting.push(line)
  }
  return kept.map((line) => `${line}\r`).join('')
}
