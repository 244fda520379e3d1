import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ContentCache } from '../../src/outbox/content-cache.ts'
import type { Entry } from '../../src/outbox/outbox.ts'

const MB = 1024 * 1024
const NEVER_AGAIN = Number.POSITIVE_INFINITY

function entry(seq: number): Entry {
  return {
    ...{ seq, lane: '', controlId: `C${seq}`, type: 'ADT^A01' },
    ...{ acceptedAt: seq, state: 'waiting', attempts: 0, spentMs: 0 }
  }
}

/** Keeps contents of these sizes as messages 1, 2, 3 … @returns those that are in the cache */
function kept(cache: ContentCache<string>, ...sizes: number[]): number[] {
  sizes.forEach((size, i) => {
    cache.keep(entry(i + 1), `content ${i + 1}`, size)
  })
  return sizes.map((_, i) => i + 1).filter((seq) => cache.get(seq) !== undefined)
}

describe('ContentCache', () => {
  it('keeps 16 MiB, those of the oldest messages', () => {
    const cache = new ContentCache<string>()
    const sizes = Array.from({ length: 20 }, () => MB)
    assert.deepEqual(
      kept(cache, ...sizes),
      Array.from({ length: 16 }, (_, i) => i + 1)
    )
    assert.equal(cache.get(16)?.content, 'content 16')
  })

  it('keeps a short content that fits, after a long one that does not', () => {
    assert.deepEqual(kept(new ContentCache(100), 60, 50, 40, 1), [1, 3])
  })

  it('keeps all contents that have to stay, without counting their size', () => {
    assert.deepEqual(
      kept(new ContentCache(100), 100, NEVER_AGAIN, 1, NEVER_AGAIN, NEVER_AGAIN),
      [1, 2, 4, 5]
    )
    const [one, another] = [new ContentCache<string>(100), new ContentCache<string>(0)]
    assert.deepEqual(kept(one, NEVER_AGAIN, 100, 1), [1, 2], 'it takes no space from others')
    assert.deepEqual(kept(another, NEVER_AGAIN, 1, NEVER_AGAIN), [1, 3])
  })

  it('keeps a content larger than the cache, but only on its own', () => {
    const cache = new ContentCache<string>()
    assert.deepEqual(kept(cache, 200 * MB, 1, 200 * MB), [1])
    cache.drop(1)
    cache.keep(entry(4), 'content 4', 1)
    assert.equal(cache.get(4)?.content, 'content 4')
    cache.keep(entry(5), 'content 5', 200 * MB)
    assert.equal(cache.get(5), undefined, 'not with another one there')
  })

  it('frees the space of a dropped content once', () => {
    const cache = new ContentCache<string>(100)
    assert.deepEqual(kept(cache, 60, 40, NEVER_AGAIN), [1, 2, 3])
    for (const seq of [1, 1, 3, 3, 99]) cache.drop(seq)
    assert.deepEqual(
      [1, 3].map((seq) => cache.get(seq)),
      [undefined, undefined]
    )
    cache.keep(entry(4), 'content 4', 61)
    assert.equal(cache.get(4), undefined)
    cache.keep(entry(5), 'content 5', 60)
    assert.equal(cache.get(5)?.content, 'content 5')
  })

  it('frees the space of a message that is suspended, unless it has to stay', () => {
    const cache = new ContentCache<string>(100)
    assert.deepEqual(kept(cache, 100, NEVER_AGAIN), [1, 2])
    for (const seq of [1, 2]) cache.note({ ...entry(seq), state: 'suspended' })
    assert.equal(cache.get(1), undefined)
    assert.equal(cache.get(2)?.content, 'content 2')
    cache.keep(entry(3), 'content 3', 100)
    assert.equal(cache.get(3)?.content, 'content 3')
  })

  it('updates the entries of the contents that it keeps', () => {
    const cache = new ContentCache<string>(100)
    cache.keep(entry(1), 'content 1', 1)
    const changed = { ...entry(1), attempts: 2 }
    cache.note(changed)
    cache.note(entry(2))
    assert.equal(cache.get(1)?.entry, changed)
    assert.equal(cache.get(2), undefined)
  })
})
