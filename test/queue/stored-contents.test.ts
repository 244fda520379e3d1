import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { NO_VERDICT, type MessageRow } from '../../src/queue/message-row.ts'
import { EncodedContents } from '../../src/queue/stored-contents.ts'

const MB = 1024 * 1024

/** Of contents that are texts: those that begin with `!` cannot be stored in full. */
function contents(mostBytes?: number, size = 1): EncodedContents<string> {
  const codec = {
    encode: (text: string) => ({ bytes: Buffer.from(text), whole: !text.startsWith('!') }),
    decode: String
  }
  return new EncodedContents(codec, mostBytes, (text) => Number(/\d+/.exec(text)?.[0] ?? 0) * size)
}

function row(seq: number): MessageRow {
  return {
    seq,
    state: 'waiting',
    lane: null,
    isSending: false,
    isRetrying: false,
    controlId: `C${seq}`,
    type: 'ADT^A01',
    acceptedAt: seq,
    changedAt: seq,
    attempts: 0,
    retries: 0,
    spentMs: 0,
    countsFrom: undefined,
    ruleRetries: undefined,
    hasOwnAddress: false,
    renewals: 0,
    verdict: NO_VERDICT,
    story: [],
    resent: undefined,
    isEdited: false,
    keptBytes: 0
  }
}

/** Encodes them as messages 1, 2, 3 … */
function encodeAll(stored: EncodedContents<string>, ...texts: string[]): void {
  for (const [i, text] of texts.entries()) stored.encode(i + 1, text)
}

/** The numbers of those that are in memory. */
function kept(stored: EncodedContents<string>, most = 30): number[] {
  const seqs = Array.from({ length: most }, (_, i) => i + 1)
  return seqs.filter((seq) => stored.decode(row(seq), undefined) !== undefined)
}

describe('EncodedContents', () => {
  it('keeps the newest 16 MiB', () => {
    const stored = contents(undefined, MB)
    encodeAll(stored, ...Array.from({ length: 20 }, () => '1'))
    assert.deepEqual(
      kept(stored),
      Array.from({ length: 16 }, (_, i) => i + 5)
    )
    assert.equal(stored.before, 5)
  })

  const cases: [what: string, texts: string[], kept: number[], before: number][] = [
    ['nothing at first', [], [], Infinity],
    ['what fits', ['40', '60'], [1, 2], 1],
    ['the newest of more', ['40', '60', '1'], [2, 3], 2],
    ['one that is too long, on its own', ['40', '200'], [2], 2],
    ['the next after such a one', ['200', '1'], [2], 2],
    ['what cannot be stored in full, without counting it', ['!200', '100', '!200'], [1, 2, 3], 2]
  ]
  for (const [what, texts, expected, before] of cases) {
    it(`keeps ${what}`, () => {
      const stored = contents(100)
      encodeAll(stored, ...texts)
      assert.deepEqual([kept(stored), stored.before], [expected, before])
    })
  }

  it('has room again for what was dropped, once', () => {
    const stored = contents(100)
    encodeAll(stored, '60', '40', '!1')
    for (const seq of [1, 1, 3, 99]) stored.drop(seq)
    assert.deepEqual(kept(stored), [2])
    stored.encode(4, '61')
    assert.deepEqual(kept(stored), [4])
    stored.drop(4)
    stored.encode(5, '100')
    assert.deepEqual(kept(stored), [5])
  })

  it('forgets what may wait for long, unless it cannot be read again', () => {
    const stored = contents(100)
    encodeAll(stored, '60', '!40')
    for (const seq of [1, 2]) stored.forget(seq)
    assert.deepEqual(kept(stored), [2])
  })

  it('counts a content that is encoded again once', () => {
    const stored = contents(100)
    encodeAll(stored, '40', '!60')
    stored.encode(1, '40')
    stored.encode(2, '60')
    assert.deepEqual(kept(stored), [1, 2])
    stored.drop(2)
    assert.deepEqual(kept(stored), [1])
  })

  it('returns the object that it keeps rather than what was stored', () => {
    const stored = contents(100)
    stored.encode(1, '!text')
    assert.equal(stored.decode(row(1), Buffer.from('other')), '!text')
    assert.equal(stored.decode(row(2), Buffer.from('other')), 'other')
  })

  it('returns nothing for what it cannot decode', () => {
    const fails = new EncodedContents<string>({
      encode: (text) => ({ bytes: Buffer.from(text), whole: true }),
      decode: () => {
        throw new SyntaxError('not understood')
      }
    })
    assert.equal(fails.decode(row(1), Buffer.from('x')), undefined)
    assert.equal(fails.decodeOutcome(Buffer.from('{"x')), undefined)
  })
})
