import { StatementSync } from 'node:sqlite'

// A preload for a Node-RED of a test, in every thread of it: each commit takes 200 ms longer, as on a
// disk that is slow to sync. The thread that commits stands still meanwhile.

const { run } = StatementSync.prototype
StatementSync.prototype.run = function (...values) {
  if (/^\s*COMMIT/i.test(this.sourceSQL)) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
  }
  return run.apply(this, values)
}
