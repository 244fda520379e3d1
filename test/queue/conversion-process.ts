import { writeSync } from 'node:fs'
import { DiskEngine } from '../../src/queue/disk-engine.ts'
import { KEY } from './set-up.ts'

// A separate process that opens a queue file, which converts it: `node conversion-process.ts <directory> <name>`. It ends
// when it is killed.

const [, , directory = '', name = ''] = process.argv
const engine = new DiskEngine({
  directory,
  name,
  key: () => Promise.resolve(KEY),
  journalDays: 100_000,
  order: 'key',
  orderKey: 'PID-3.1'
})
writeSync(1, 'opening\n')
await engine.open()
writeSync(1, 'open\n')
setInterval(() => undefined, 1000)
