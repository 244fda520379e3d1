import { StatementSync } from 'node:sqlite'

// Preloaded into every thread of a process: each commit blocks its thread for 200 ms more,
// as on a disk that is slow to sync.

const { run } = StatementSync.prototype
StatementSync.prototype.run = function (...values) {
  if (/^\s*COMMIT/i.test(this.sourceSQL)) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
  }
  return run.apply(this, values)
}
