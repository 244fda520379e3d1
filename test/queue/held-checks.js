import { StatementSync } from 'node:sqlite'
import { getEnvironmentData } from 'node:worker_threads'

// Preloaded into the threads of queues: to read all of a file takes until a test says so.

const control = new Int32Array(getEnvironmentData('checks'))
const [HELD, BEGUN] = [0, 1]

const { get } = StatementSync.prototype
StatementSync.prototype.get = function (...values) {
  if (/quick_check/.test(this.sourceSQL)) {
    Atomics.add(control, BEGUN, 1)
    Atomics.notify(control, BEGUN)
    Atomics.wait(control, HELD, 1)
  }
  return get.apply(this, values)
}
