/**
 * A few cases by default; `HL7_DISK_TRIALS=all` tries all of them, which takes long, and
 * `HL7_DISK_TRIALS="drain killed tmpfs 4m"` those whose names contain all of these words. `HL7_DISK_SEED` sets the
 * moments at which the process is killed.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { SmallDisk } from '../support/small-disk.ts'
import { DeliveryLog } from './delivery-log.ts'
import { DiskTrial } from './disk-trial.ts'
import { chosenCases, nameOf, type DiskTrialCase, type Scenario } from './disk-trial-cases.ts'

const WORDS = process.env['HL7_DISK_TRIALS']
const SEED = Number(process.env['HL7_DISK_SEED'] ?? Date.now() % 1_000_000)

const promises: Record<Scenario, string> = {
  drain: 'sends what it accepted once, apart from what was on its way, and then works as before',
  suspended: 'suspends what has room and resends all of it',
  awaiting: 'awaits the acknowledgements of those that have room, and settles all',
  operator: 'does what it confirmed to an operator, and nothing that it refused'
}

/** Each case has its own moments. */
function seedOf(trial: DiskTrialCase): number {
  let seed = SEED
  for (const sign of nameOf(trial)) seed = (Math.imul(seed, 31) + sign.charCodeAt(0)) | 0
  return seed
}

describe('A queue on a full disk', () => {
  for (const trial of chosenCases(WORDS)) {
    it(`${promises[trial.scenario]} (${nameOf(trial)})`, async (context) => {
      const disk = SmallDisk.mount(context, trial.fileSystem, trial.megabytes)
      if (disk === undefined) return
      const directory = mkdtempSync(join(tmpdir(), 'disk-trial-'))
      try {
        const log = new DeliveryLog(join(directory, 'log'))
        const { broken, ...figures } = await new DiskTrial(trial, disk, log, seedOf(trial)).run()
        context.diagnostic(JSON.stringify(figures))
        assert.deepEqual(
          broken,
          [],
          `${nameOf(trial)}, HL7_DISK_SEED=${SEED}: ${broken.join('; ')}`
        )
      } finally {
        disk.end()
        rmSync(directory, { recursive: true })
      }
    })
  }
})
