import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { describe, it } from 'node:test'
import { UnaskedContinue } from '../../src/http-client/unasked-continue.ts'

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n'
const HINTS = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'
const OK = `HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\n${CONTINUE}`

/** What is read of bytes that arrive in these pieces. */
function read(pieces: readonly string[], isAnswer = true): string {
  const socket = new Duplex({ read: () => undefined }) as unknown as Socket
  const filter = new UnaskedContinue(socket)
  if (isAnswer) filter.expectAnswer()
  let text = ''
  for (const piece of pieces) {
    socket.push(Buffer.from(piece))
    for (let bytes: unknown; (bytes = socket.read()) !== null;) {
      assert.ok(Buffer.isBuffer(bytes) && bytes.length > 0)
      text += bytes.toString()
    }
  }
  return text
}

describe('100 Continue that nobody asked for', () => {
  for (const [what, sent, left] of [
    ['none', OK, OK],
    ['one', CONTINUE + OK, OK],
    ['several', CONTINUE.repeat(3) + OK, OK],
    ['without a reason', `HTTP/1.1 100\r\n\r\n${OK}`, OK],
    ['with headers', `HTTP/1.1 100 Continue\r\nX: a\r\nY:\r\n\r\n${OK}`, OK],
    ['with line feeds alone', `HTTP/1.1 100 Continue\nX: a\n\n${OK}`, OK],
    ['between others', HINTS + CONTINUE + HINTS + CONTINUE + OK, HINTS + HINTS + OK],
    ['no end', CONTINUE.slice(0, -2), ''],
    ['something else', 'HTTP/1.1 10\r\n\r\n', 'HTTP/1.1 10\r\n\r\n'],
    ['another version', `HTTP/1.0 100 Continue\r\n\r\n`, `HTTP/1.0 100 Continue\r\n\r\n`],
    ['no HTTP', 'SSH-2.0-OpenSSH_9.9\r\n', 'SSH-2.0-OpenSSH_9.9\r\n']
  ] as const) {
    it(`is left out before an answer, however it is cut into pieces: ${what}`, () => {
      assert.equal(read([sent]), left)
      assert.equal(read(Array.from(sent)), left)
      for (let at = 1; at < sent.length; at++) {
        assert.equal(read([sent.slice(0, at), sent.slice(at)]), left, `cut at ${at}`)
      }
    })
  }

  it('is not left out where no answer is due', () => {
    assert.equal(read([CONTINUE], false), CONTINUE)
  })
})
