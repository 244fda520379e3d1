import process from 'node:process'
import { setTimeout as wait } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { BroadcastChannel, threadId } from 'node:worker_threads'

// Preloaded into every thread of a Node-RED under test: each thread answers `look` on the channel
// with the size of its heap after garbage collection.

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc')
const channel = new BroadcastChannel('heap')
channel.unref()
channel.onmessage = ({ data }) => {
  if (data === 'look') void answer()
}

async function answer() {
  // Finalizers run between the collections.
  for (let i = 0; i < 4; i++) {
    collect()
    await wait(50)
  }
  channel.postMessage({ threadId, heapUsed: process.memoryUsage().heapUsed })
}
