import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Life } from '../support/life.ts'
import { compilePreloads, type Preloads } from '../support/preload/compile.ts'
import { generator } from '../support/random.ts'
import type { PowerSettings } from './power-process.ts'
import { readRecording } from './recording.ts'
import { Replay, type Finding } from './replay.ts'

const script = new URL('power-process.ts', import.meta.url)
/** A file system in memory: an image is read in a moment. */
const IN_MEMORY = '/dev/shm'
/** `npm run test:power` and the nightly run: at every sync, and at so many random steps. */
const FAILURES = Number(process.env['HL7_POWER_FAILURES'] ?? 0)
const SEED = Number(process.env['HL7_POWER_SEED'] ?? 1)

const compiled = compilePreloads('slow-sync', 'disk-recorder')
const options = typeof compiled === 'string' ? { skip: compiled } : {}
const preloads = compiled as Preloads

describe('After a power failure', options, () => {
  let directory: string
  before(() => {
    directory = mkdtempSync(join(IN_MEMORY, 'power-'))
  })
  after(() => {
    rmSync(directory, { recursive: true })
    preloads.remove()
  })

  /**
   * Runs a queue under load.
   *
   * @param runs one process each, with these environments
   * @returns what a power failure would leave
   */
  async function recorded(...runs: Record<string, string>[]): Promise<Replay> {
    const run = mkdtempSync(join(directory, 'run-'))
    const place = join(run, 'disk')
    const recording = join(run, 'recording')
    mkdirSync(place)
    const [lives, messages] = FAILURES > 0 ? [4, 150] : [3, 60]
    for (const [index, environment] of runs.entries()) {
      const settings: PowerSettings = {
        ...{ directory: place, seed: SEED + index, firstId: 1 + 1000 * index },
        ...(runs.length === 1 ? { lives, messages } : { lives: 1, messages: 30 })
      }
      const life = new Life(script, settings, {
        // The recorder does what it does by the slow disk.
        ...preloads.environment('disk-recorder', 'slow-sync'),
        SLOW_SYNC_MS: '1',
        DISK_RECORD_TO: recording,
        DISK_RECORD_UNDER: place,
        DISK_SEED: String(settings.seed),
        ...environment
      })
      const end = await life.ended
      const isKilled = end === 'SIGKILL' && 'DISK_ENDS_AFTER' in environment
      assert.ok(end === 0 || isKilled, `the run ends well: ${String(end)}`)
    }
    const replay = new Replay(readRecording(recording, place), run)
    replay.checkMarks()
    return replay
  }

  /** The power fails often. */
  async function fail(replay: Replay): Promise<void> {
    const [count, share] = FAILURES > 0 ? [FAILURES, 1] : [120, 0.1]
    const images = await replay.fail(count, share, SEED)
    assert.ok(images >= count)
  }

  /** It fails as often as it takes to find what there is to find. */
  async function found(environment: Record<string, string>): Promise<Finding[]> {
    const replay = await recorded(environment)
    await replay.fail(50, 0.02, SEED)
    return replay.findings.kinds
  }

  it('all that was confirmed is there, nothing is called damaged, and each lane repeats its end', async (t) => {
    const replay = await recorded({})
    t.diagnostic(JSON.stringify(replay.counts))
    await fail(replay)
    assert.deepEqual(replay.findings.texts, [])
  })

  it('the same if syncs fail', async (t) => {
    const replay = await recorded({ DISK_FAILS_EACH: '10' })
    t.diagnostic(JSON.stringify(replay.counts))
    await fail(replay)
    assert.deepEqual(replay.findings.texts, [])
  })

  // Between the failure and the note of it, nothing can be done: the next process does not learn of it.
  it('the same if the process ends soon after it has noted that a sync has failed', async (t) => {
    const random = generator(SEED)
    const ends = Array.from({ length: FAILURES > 0 ? 30 : 6 }, () => ({
      DISK_FAILS_EACH: '10',
      // About as many steps as it takes to write the file to another one.
      DISK_ENDS_AFTER: String(1 + Math.floor(random() * 100))
    }))
    const replay = await recorded(...ends, {})
    t.diagnostic(JSON.stringify(replay.counts))
    await fail(replay)
    assert.deepEqual(replay.findings.texts, [])
  })

  // Controls: what the recorder and the model would find.

  it('who confirms without a sync is found', async () => {
    const kinds = await found({ DISK_LIES: '1' })
    assert.ok(kinds.includes('confirmed before its sync'))
    assert.ok(kinds.includes('requested before its sync'))
    assert.ok(kinds.includes('older than what was confirmed'))
  })

  it('who keeps the descriptor of a log that is gone is found', async () => {
    const kinds = await found({ DISK_KEEPS_LOG: '1' })
    assert.ok(kinds.includes('confirmed before its sync'))
    assert.ok(kinds.includes('older than what was confirmed'))
  })
})
