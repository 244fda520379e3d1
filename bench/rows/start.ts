import { rmSync } from 'node:fs'
import { BenchNodeRed, temporaryDirectory } from '../bench-node-red.ts'
import { median, type Row } from '../report.ts'

/** What the package adds to the time from process start to the start of the flows. */
export async function startRows(quick: boolean): Promise<Row[]> {
  const withPackage = temporaryDirectory()
  const without = temporaryDirectory()
  const differences: number[] = []
  // The first round fills the disk caches.
  for (let round = -1; round < (quick ? 4 : 15); round++) {
    const ms = (await startTime(withPackage)) - (await startTime(without, false))
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

async function startTime(userDir: string, packageDir?: false): Promise<number> {
  const start = performance.now()
  const nodeRed = await BenchNodeRed.start({ flows: [], userDir, packageDir })
  const ms = performance.now() - start
  await nodeRed.stop()
  return ms
}
