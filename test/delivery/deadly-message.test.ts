import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(new URL('deadly-process.ts', import.meta.url))

describe('a stored message that hangs the process', () => {
  it('is suspended after two starts that ended on it, and the other messages leave', async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'deadly-'))
    t.after(() => {
      rmSync(directory, { recursive: true })
    })

    /** Runs until it is done or hangs and is killed. @returns the lines it wrote */
    const run = async (...ids: string[]): Promise<string[]> => {
      const child = spawn(process.execPath, [script, directory, ...ids], {
        stdio: ['ignore', 'pipe', 'inherit']
      })
      const told: string[] = []
      for await (const line of createInterface({ input: child.stdout })) {
        // A message that left before the kill may leave again.
        if (ids.length > 0 || line !== 'first ack') told.push(line)
        if (line === 'working on deadly') child.kill('SIGKILL')
      }
      return told
    }

    assert.deepEqual(await run('first', 'deadly', 'last'), [
      ...['working on first', 'first ack', 'working on deadly']
    ])
    assert.deepEqual(await run(), ['working on deadly'])
    assert.deepEqual(await run(), ['working on deadly'])
    assert.deepEqual(await run(), ['suspended deadly', 'working on last', 'last ack', 'done'])
    assert.deepEqual(await run(), ['done'], 'it stays suspended')
  })
})
