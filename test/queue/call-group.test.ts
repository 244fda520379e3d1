import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CallGroup, type PendingCall } from '../../src/queue/call-group.ts'

describe('calls that go to the thread together', () => {
  const rejected: string[] = []
  const call = (method: PendingCall['method'], makeArgs: () => unknown[]): PendingCall => ({
    ...{ method, makeArgs, isAwaited: true, tries: 0 },
    resolve: () => undefined,
    reject: (error) => rejected.push(`${method} ${error.message}`)
  })
  const methods = (group: CallGroup): string[] => group.calls.map(({ method }) => method)

  it('are the others where the arguments of one cannot be made', () => {
    rejected.length = 0
    const group = new CallGroup()
    group.add(call('pause', () => []))
    group.add(
      call('accept', () => {
        throw new Error('cannot be encoded')
      })
    )
    group.add(call('accept', () => [{ seq: 7 }]))
    assert.deepEqual(methods(group), ['pause', 'accept'])
    assert.deepEqual(
      group.pending.map(({ seq }) => seq),
      [undefined, 7]
    )
    assert.deepEqual(rejected, ['accept cannot be encoded'])
  })

  it('are the others where one cannot be given to a thread', () => {
    rejected.length = 0
    const group = new CallGroup()
    group.add(call('pause', () => [{ reason: 'x' }]))
    group.add(call('resume', () => [() => undefined]))
    const rest = group.withoutUncloneable(new Error('cannot be cloned'))
    assert.deepEqual(methods(rest), ['pause'])
    assert.deepEqual(rejected, ['resume cannot be cloned'])
  })

  it('are at most 1024, or of 4 MiB', () => {
    const many = new CallGroup()
    for (let calls = 0; calls < 1024; calls++) {
      assert.equal(many.isFull, false)
      many.add(call('pause', () => []))
    }
    assert.equal(many.isFull, true)
    const large = new CallGroup()
    large.add(call('accept', () => [{ seq: 1 }, Buffer.alloc(4 * 1024 * 1024 - 1)]))
    assert.equal(large.isFull, false)
    large.add(call('accept', () => [{ seq: 2, outcome: Buffer.from('x') }]))
    assert.equal(large.isFull, true)
  })

  it('transfer long bytes with memory of their own, and copy all others', () => {
    const group = new CallGroup()
    const own = Buffer.alloc(256 * 1024)
    const short = Buffer.alloc(256 * 1024 - 1)
    const shared = Buffer.from(new ArrayBuffer(1024 * 1024), 0, 512 * 1024)
    const text = { outcome: 'ack' }
    group.add(call('accept', () => [{ seq: 1 }, own, short, shared, text]))
    assert.deepEqual(group.transfer, [own.buffer])
    const [sent] = group.calls as unknown as { args: unknown[] }[]
    const [, first, second, third, fourth] = sent?.args ?? []
    assert.deepEqual([first, second, fourth], [own, short, text])
    assert.equal((third as Uint8Array).buffer.byteLength, shared.length)
    const move = { outcome: shared }
    group.add(call('accept', () => [{ seq: 2 }, move]))
    assert.equal(move.outcome, shared, 'what was given stays as it is')
    assert.equal(group.transfer.length, 1)
  })
})
