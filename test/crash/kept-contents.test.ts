/** `HL7_KEPT_KILLS` (default 3) sets how often the process is killed; 100 takes minutes. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { keepQueueThread, TestQueues } from '../queue/set-up.ts'
import { Life } from '../support/life.ts'
import { KeptCheck } from './kept-check.ts'
import type { KeptSettings } from './kept-process.ts'
import { NOTES, QUEUE_NAMES, type QueueName } from './kept-messages.ts'

const KILLS = Number(process.env['HL7_KEPT_KILLS'] ?? 3)
/** So many on the same files. */
const KILLS_OF_FILES = 10
/** When a process is killed: before it has begun to delete, while it does, or later. */
const SPAN_MS = 1500
const SPANS = 3
/** The last one leaves at least so many, which is more than is kept: on a slow machine, the others may leave none. */
const LEAST_LEFT = 60

const script = new URL('kept-process.ts', import.meta.url)

type Checks = Record<QueueName, KeptCheck>

describe('Contents of messages that have left, in a process that is killed again and again', () => {
  keepQueueThread()

  it('are whole or gone, the oldest first, and nothing that is held goes with them', async (t) => {
    for (let killed = 0; killed < KILLS; killed += KILLS_OF_FILES) {
      const queues = new TestQueues()
      try {
        const checks = await killAgainAndAgain(queues, Math.min(KILLS_OF_FILES, KILLS - killed))
        const { contents, ...others } = checks
        t.diagnostic(JSON.stringify({ contents: contents.figures }))
        assert.ok(contents.figures.kept > 0, 'contents were kept')
        assert.ok(contents.figures.dropped > 0, 'contents were deleted')
        for (const { figures } of [contents, ...Object.values(others)]) {
          assert.ok(figures.left > 10, 'messages flowed')
        }
        assert.deepEqual(queues.notices, [], 'no file is taken for damaged')
      } finally {
        await queues.end()
      }
    }
  })
})

async function killAgainAndAgain(queues: TestQueues, kills: number): Promise<Checks> {
  const checks: Checks = {
    contents: new KeptCheck(queues, 'contents'),
    names: new KeptCheck(queues, 'names'),
    nothing: new KeptCheck(queues, 'nothing')
  }
  for (let kill = 0; kill < kills; kill++) {
    const log = join(queues.directory, `log-${kill}`)
    const ms = ((kill % SPANS) + Math.random()) * SPAN_MS
    await liveAndDie(queues.directory, log, ms, kill === kills - 1 ? LEAST_LEFT : 0)
    readLog(log, checks)
    for (const name of QUEUE_NAMES) await checks[name].afterKill()
  }
  await Promise.all(QUEUE_NAMES.map((name) => checks[name].afterRest()))
  return checks
}

async function liveAndDie(
  directory: string,
  log: string,
  ms: number,
  leastLeft: number
): Promise<void> {
  const life = new Life(script, { directory, log } satisfies KeptSettings)
  // A file is open: the others may be while it is killed.
  await Promise.race([once(life.child, 'message'), life.ended])
  await sleep(ms)
  while (life.child.exitCode === null && leftIn(log) < leastLeft) await sleep(50)
  await life.kill()
  assert.equal(await life.ended, 'SIGKILL')
}

function leftIn(log: string): number {
  return readFileSync(log, 'utf8').match(/^contents \d+ left$/gm)?.length ?? 0
}

function readLog(log: string, checks: Checks): void {
  for (const line of readFileSync(log, 'utf8').split('\n')) {
    // The last line may have been cut off.
    const [, name = '', seq, what] = /^(\w+) (\d+) (.*)$/.exec(line) ?? []
    const note = NOTES.find((each) => each === what)
    if (note !== undefined) checks[name as QueueName].read(Number(seq), note)
    else assert.equal(line, '')
  }
}
