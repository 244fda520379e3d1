import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

it('a disk that takes 200 ms to sync does not hold up the event loop', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'slow-disk-'))
  t.after(() => {
    rmSync(directory, { recursive: true })
  })
  const preload = pathToFileURL(join(import.meta.dirname, 'slow-commits.js')).href
  const program = join(import.meta.dirname, 'queue-process.ts')
  const { stdout } = await promisify(execFile)(process.execPath, [program, 'time', directory], {
    env: { ...process.env, NODE_OPTIONS: `--import ${preload}` }
  })
  const { ms, ticks } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as {
    ms: number
    ticks: number
  }
  assert.ok(ms >= 190, `the disk should be slow: ${ms} ms`)
  // On the main thread, it would be none.
  assert.ok(ticks >= 5, `${ticks} ticks`)
})
