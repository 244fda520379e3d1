/**
 * Two receivers behind TLS that come and go in every order, a process that is killed, a queue on disk, and the ledger
 * afterwards. `HL7_BACKUP_MESSAGES` (default 400) sets how many messages; 10,000 take some minutes for each order.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { createAuthority } from '../support/certificates.ts'
import { seedOr } from '../support/seed.ts'
import { backupTrial } from './backup-trial.ts'

const MESSAGES = Number(process.env['HL7_BACKUP_MESSAGES'] ?? 400)
const SEED = seedOr(20_261_130)
const STEPS = Math.ceil(MESSAGES / 80)

describe('two receivers that come and go, and a process that is killed', { concurrency: 3 }, () => {
  const authorities = Promise.all([createAuthority(), createAuthority()])
  for (const order of ['fifo', 'key', 'none'] as const) {
    it(`lose nothing, keep the order, and get nothing twice without a reason: ${order}`, async (t) => {
      t.diagnostic(`HL7_SEED=${SEED}`)
      const [own, other] = await authorities
      const directory = await mkdtemp(join(tmpdir(), 'backup-'))
      try {
        const trial = { order, messages: MESSAGES, steps: STEPS, seed: SEED }
        const findings = await backupTrial(trial, directory, { own, other })
        t.diagnostic(JSON.stringify({ order, ...findings }))
        assert.deepEqual(findings.broken, [])
        assert.ok(findings.accepted > 0.8 * MESSAGES, `${findings.accepted} were accepted`)
        assert.ok(findings.storedAtFirst > 0 && findings.turns > 0, 'both were used')
      } finally {
        await rm(directory, { recursive: true })
      }
    })
  }
})
