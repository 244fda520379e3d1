import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { setImmediate, setTimeout } from 'node:timers'
import { getEnvironmentData } from 'node:worker_threads'

// Preloaded into the queue thread: a test decides when its syncs end, and how.

const { fdatasync } = fs
const control = new Int32Array(getEnvironmentData('syncs'))
const [HELD, FAIL, BEGUN, NOW, MOST] = [0, 1, 2, 3, 4]

fs.fdatasync = (file, done) => {
  Atomics.add(control, BEGUN, 1)
  const now = Atomics.add(control, NOW, 1) + 1
  if (now > Atomics.load(control, MOST)) Atomics.store(control, MOST, now)
  const ended = (error) => {
    Atomics.sub(control, NOW, 1)
    done(error)
  }
  const end = () => {
    if (Atomics.load(control, HELD) > 0) {
      setTimeout(end, 1)
      return
    }
    if (Atomics.load(control, FAIL) === 0) fdatasync(file, ended)
    else {
      Atomics.sub(control, FAIL, 1)
      const error = Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' })
      setImmediate(() => {
        ended(error)
      })
    }
  }
  end()
}
syncBuiltinESMExports()
