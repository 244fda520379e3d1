import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { askInTime } from '../../nodes/operations/ask-in-time.ts'

describe('several that are asked the same', () => {
  const nobody = new AbortController().signal

  it('answer without the one that is slow, which is told to end', async () => {
    let told = false
    const ask = (item: string, signal: AbortSignal): Promise<string> => {
      if (item !== 'slow') return Promise.resolve(`${item}!`)
      return new Promise((resolve) => {
        // What it answers then is not all that there is.
        signal.addEventListener('abort', () => {
          told = true
          resolve('half')
        })
      })
    }
    const answers = await askInTime(['one', 'slow', 'two'], ask, 20, nobody)
    assert.deepEqual(answers, ['one!', undefined, 'two!'])
    assert.ok(told)
  })

  it('answer without the one that fails', async () => {
    const ask = (item: string): Promise<string> =>
      item === 'bad' ? Promise.reject(new Error('damaged')) : Promise.resolve(item)
    assert.deepEqual(await askInTime(['bad', 'good'], ask, 10_000, nobody), [undefined, 'good'])
  })

  it('end when nobody waits any longer', async () => {
    const gone = new AbortController()
    const answers = askInTime(['slow'], () => new Promise(() => undefined), 60_000, gone.signal)
    gone.abort()
    assert.deepEqual(await answers, [undefined])
  })
})
