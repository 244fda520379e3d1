import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { BenchNodeRed, temporaryDirectory } from '../bench-node-red.ts'
import { median, type Row } from '../report.ts'

/** What the package adds to the time from process start to the start of the flows. */
export async function startRows(quick: boolean): Promise<Row[]> {
  const withPackage = temporaryDirectory()
  const without = temporaryDirectory()
  // If something of that name exists, the package is not linked.
  mkdirSync(join(without, 'node_modules', '@hl7-https', 'node-red-hl7-https-out'), {
    recursive: true
  })
  const differences: number[] = []
  // The first round fills the disk caches.
  for (let round = -1; round < (quick ? 4 : 15); round++) {
    const ms = (await startTime(withPackage)) - (await startTime(without))
    if (round >= 0) differences.push(ms)
  }
  for (const directory of [withPackage, without]) rmSync(directory, { recursive: true })
  return [
    {
      what: "added to Node-RED's start, sidebar included",
      value: median(differences),
      unit: 'ms',
      budget: { atMost: 40 }
    }
  ]
}

async function startTime(userDir: string): Promise<number> {
  const start = performance.now()
  const nodeRed = await BenchNodeRed.start({ flows: [], userDir })
  const ms = performance.now() - start
  await nodeRed.stop()
  return ms
}
