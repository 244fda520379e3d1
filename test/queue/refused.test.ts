/** A refusal is an answer: what was refused is never sent, whatever becomes of the process. With one of its own, and its syncs. */
import assert from 'node:assert/strict'
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, afterEach, beforeEach, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  endDoubt,
  isDoubtful,
  refusedIn,
  setDoubtful,
  storeRefused
} from '../../src/queue/files-beside.ts'
import { compilePreloads, type Preloads } from '../support/preload/compile.ts'
import { numbers, TestQueues, waitingSeqs } from './set-up.ts'

const compiled = compilePreloads('failing-sync')
const options = typeof compiled === 'string' ? { skip: compiled } : {}
const preloads = compiled as Preloads
const script = join(import.meta.dirname, 'queue-process.ts')

/** The log, and the copy that would be written instead of the file. */
const FILE_AND_COPY = 'queue.sqlite-wal:queue.sqlite.new'
const ALL = ''
const STUCK_MS = 20_000

describe('A message that is refused', options, () => {
  let place: string
  let queues: TestQueues
  let child: ChildProcessWithoutNullStreams
  let lines: string[]
  beforeEach(() => {
    place = mkdtempSync(join(tmpdir(), 'refused-'))
    mkdirSync(join(place, 'disk'))
    queues = new TestQueues()
    lines = []
  })
  afterEach(async () => {
    child.kill('SIGKILL')
    await queues.end()
    rmSync(place, { recursive: true })
  })
  after(() => {
    preloads.remove()
  })

  const fails = (): string => join(place, 'fails')
  const seqsOf = (what: string): number[] =>
    lines.filter((line) => line.startsWith(`${what} `)).map((line) => Number(line.split(' ')[1]))

  /** @param failing the ends of names whose syncs fail while `fails()` exists */
  async function start(failing: string): Promise<void> {
    child = spawn(process.execPath, [script, 'bursts', join(place, 'disk'), '1'], {
      env: {
        ...process.env,
        ...preloads.environment('failing-sync'),
        FAILING_SYNC_OF: failing,
        FAILING_SYNC_BY: fails()
      }
    })
    child.stderr.pipe(process.stderr)
    createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
    await until(() => lines.includes('open'))
    send(10)
    await until(() => seqsOf('stored').length === 10)
  }

  function send(count: number): void {
    child.stdin.write(`${count}\n`)
  }

  async function until(isSo: () => boolean): Promise<void> {
    const deadline = performance.now() + STUCK_MS
    while (!isSo()) {
      assert.ok(performance.now() < deadline, lines.join(', '))
      await sleep(5)
    }
  }

  async function end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    child.kill(signal)
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }

  /** What the next start would send. */
  async function found(): Promise<number[]> {
    const { queue } = await queues.openDisk({ directory: join(place, 'disk') })
    const seqs = await waitingSeqs(queue)
    await queue.close()
    assert.deepEqual(readdirSync(join(place, 'disk')), ['queue.sqlite'])
    return seqs
  }

  for (const [ending, signal, isWell] of [
    ['the node closes while the disk still fails', 'SIGTERM', false],
    ['the node closes when the disk works again', 'SIGTERM', true],
    ['the process is killed', 'SIGKILL', false]
  ] as const) {
    it(`is not sent after a restart if ${ending}`, async () => {
      await start(FILE_AND_COPY)
      writeFileSync(fails(), '')
      send(20)
      await until(() => seqsOf('refused').length === 20)
      if (isWell) rmSync(fails())
      await end(signal)
      rmSync(fails(), { force: true })
      assert.deepEqual(await found(), numbers(1, 10))
    })
  }

  // What says so, and its name.
  for (const failing of ['queue.sqlite-doubtful.new', '/disk']) {
    it(`is told so only when that is stored: its sender waits while syncs of ${failing} fail`, async () => {
      await start(`${FILE_AND_COPY}:${failing}`)
      writeFileSync(fails(), '')
      send(20)
      // Some seconds, in which all is tried again.
      const waits = (): string[] => lines.at(-1)?.split(' ') ?? []
      await until(() => Number(waits()[2]) > 2500)
      assert.deepEqual(waits().slice(0, 2), ['waits', '20'])
      assert.deepEqual(seqsOf('refused'), [])
      rmSync(fails())
      await until(() => seqsOf('refused').length === 20)
      // Until the file is written again.
      await until(() => {
        send(1)
        return seqsOf('stored').length > 10
      })
      await end('SIGKILL')
      const refused = seqsOf('refused')
      const seqs = await found()
      assert.deepEqual(
        seqs.filter((seq) => seq <= 30 || refused.includes(seq)),
        numbers(1, 10)
      )
    })
  }

  it('is told nothing if the node closes, and that cannot be stored until then', async () => {
    await start(ALL)
    writeFileSync(fails(), '')
    send(20)
    await until(() => lines.at(-1)?.startsWith('waits 20') === true)
    await end('SIGTERM')
    rmSync(fails())
    assert.deepEqual(seqsOf('refused'), [])
    assert.deepEqual((await found()).slice(0, 10), numbers(1, 10))
  })
})

describe('Beside a doubtful file', () => {
  let directory: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'doubtful-'))
  })
  afterEach(() => {
    rmSync(directory, { recursive: true })
  })

  it('is stored what was refused, and nothing that a disk has left there', () => {
    const path = join(directory, 'queue.sqlite')
    assert.deepEqual(refusedIn(path), [])
    setDoubtful(path)
    assert.ok(isDoubtful(path))
    assert.deepEqual(refusedIn(path), [])
    storeRefused(path, [12, 13])
    storeRefused(path, [13, 140])
    setDoubtful(path)
    assert.deepEqual(refusedIn(path), [12, 13, 140])
    writeFileSync(`${path}-doubtful`, Buffer.from('7\n\0\0\n-1\n1e3\n0\n08\n'))
    assert.deepEqual(refusedIn(path), [7])
    endDoubt(path)
    assert.deepEqual(readdirSync(directory), [])
  })
})
