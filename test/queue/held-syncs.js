import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { setImmediate, setTimeout } from 'node:timers'
import { getEnvironmentData } from 'node:worker_threads'

// Preloaded into the queue thread: a test decides when its syncs end, and how.

const { fdatasync, fstatSync, fsyncSync } = fs
const control = new Int32Array(getEnvironmentData('syncs'))
// HELD: none ends, but for those that began first, so many as LET, and those of other disks than DISK. FAIL: so many fail;
// FAIL_NAMES: so many of a directory.
const [HELD, FAIL, BEGUN, NOW, MOST, LET, DISK, FAIL_NAMES] = [0, 1, 2, 3, 4, 5, 6, 7]

function failure(name) {
  return Object.assign(new Error(`EIO: i/o error, ${name}`), { code: 'EIO' })
}

function isHeld(file, number) {
  const disk = Atomics.load(control, DISK)
  if (Atomics.load(control, HELD) === 0 || number <= Atomics.load(control, LET)) return false
  return disk === 0 || disk === (fstatSync(file).dev | 0)
}

fs.fdatasync = (file, done) => {
  const number = Atomics.add(control, BEGUN, 1) + 1
  const now = Atomics.add(control, NOW, 1) + 1
  if (now > Atomics.load(control, MOST)) Atomics.store(control, MOST, now)
  const ended = (error) => {
    Atomics.sub(control, NOW, 1)
    done(error)
  }
  const end = () => {
    if (isHeld(file, number)) {
      setTimeout(end, 1)
      return
    }
    if (Atomics.load(control, FAIL) === 0) fdatasync(file, ended)
    else {
      Atomics.sub(control, FAIL, 1)
      setImmediate(() => {
        ended(failure('fdatasync'))
      })
    }
  }
  end()
}
fs.fsyncSync = (file) => {
  if (Atomics.load(control, FAIL_NAMES) > 0 && fstatSync(file).isDirectory()) {
    Atomics.sub(control, FAIL_NAMES, 1)
    throw failure('fsync')
  }
  fsyncSync(file)
}
syncBuiltinESMExports()
