import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CarefulStart } from '../../src/delivery/careful-start.ts'

type Marks = ConstructorParameters<typeof CarefulStart>[0]

describe('a start after a run that did not end with a close', () => {
  function start(attempts: number, failing?: string): { careful: CarefulStart; done: string[] } {
    const done: string[] = []
    const marks = {
      call: (method: string, seq: number): Promise<void> => {
        done.push(`${method} ${seq}`)
        return method === failing ? Promise.reject(new Error('disk full')) : Promise.resolve()
      }
    }
    return { careful: new CarefulStart(marks as unknown as Marks, attempts), done }
  }
  const work = (done: string[], name: string) => async (): Promise<string> => {
    done.push(`begins ${name}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
    done.push(`ends ${name}`)
    return name
  }

  it('marks each piece of work, and does one after the other', async () => {
    const { careful, done } = start(1)
    const both = [1, 2].map((seq) => careful.watchWork(seq, work(done, String(seq))))
    assert.deepEqual(await Promise.all(both), ['1', '2'])
    assert.deepEqual(done, [
      ...['beginWork 1', 'begins 1', 'ends 1', 'endWork 1'],
      ...['beginWork 2', 'begins 2', 'ends 2', 'endWork 2']
    ])
  })

  it('goes on with the next piece where one fails, and says that this has ended, too', async () => {
    const { careful, done } = start(1)
    const failed = careful.watchWork(1, () => Promise.reject(new Error('own')))
    const next = careful.watchWork(2, work(done, '2'))
    await assert.rejects(failed, /own/)
    assert.equal(await next, '2')
    assert.deepEqual(done.slice(0, 2), ['beginWork 1', 'endWork 1'])
  })

  for (const failing of ['beginWork', 'endWork']) {
    it(`does the work although ${failing} cannot be stored`, async () => {
      const { careful, done } = start(1, failing)
      assert.equal(await careful.watchWork(1, work(done, 'it')), 'it')
      const ended = failing === 'endWork' ? ['endWork 1'] : []
      assert.deepEqual(done, ['beginWork 1', 'begins it', 'ends it', ...ended])
    })
  }

  it('marks nothing once so many attempts have ended', async () => {
    const { careful, done } = start(2)
    careful.endAttempt()
    await careful.watchWork(1, work(done, 'a'))
    assert.equal(done.shift(), 'beginWork 1')
    careful.endAttempt()
    careful.endAttempt()
    done.length = 0
    await Promise.all([
      careful.watchWork(2, work(done, 'b')),
      careful.watchWork(3, work(done, 'c'))
    ])
    assert.deepEqual(done, ['begins b', 'begins c', 'ends b', 'ends c'])
  })
})
