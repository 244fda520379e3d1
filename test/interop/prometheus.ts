import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { freePort } from '../support/free-port.ts'
import { answering, run, stop } from './servers.ts'

/** A value of a query, with its labels. */
export interface Sample {
  metric: Record<string, string>
  value: [at: number, value: string]
}

/** A Prometheus of our own, with its data in a temporary directory. */
export interface Prometheus {
  /** Asks for the present values of an expression. @throws Error if Prometheus refuses it */
  query(expr: string): Promise<Sample[]>
  /** Waits until an expression has values that suit; by default, until it has any. */
  waitFor(expr: string, suits?: (samples: Sample[]) => boolean): Promise<Sample[]>
  stop(): Promise<void>
}

const PROMETHEUS = '/usr/bin/prometheus'
const PROMTOOL = '/usr/bin/promtool'
const TIMEOUT_MS = 30_000

/** Lets promtool check something. @returns whether it is content, and what it says */
export function promtool(args: readonly string[], input = ''): { ok: boolean; said: string } {
  const { status, stdout, stderr } = spawnSync(PROMTOOL, args, { input, encoding: 'utf8' })
  return { ok: status === 0, said: stdout + stderr }
}

/**
 * Starts Prometheus on 127.0.0.1.
 *
 * @param files by name; `prometheus.yml` is its configuration
 */
export async function startPrometheus(files: Record<string, string>): Promise<Prometheus> {
  const directory = mkdtempSync(join(tmpdir(), 'hl7-prometheus-'))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text)
  const port = await freePort()
  const { child, words } = run(PROMETHEUS, [
    `--config.file=${join(directory, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(directory, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    // It would look for new targets every five seconds, the first ones included.
    '--scrape.discovery-reload-interval=100ms',
    '--log.level=warn'
  ])
  child.stdout?.resume()
  const end = async (): Promise<void> => {
    await stop(child)
    rmSync(directory, { recursive: true, force: true })
  }
  const base = `http://127.0.0.1:${port}`
  const query: Prometheus['query'] = async (expr) => {
    const response = await fetch(`${base}/api/v1/query?query=${encodeURIComponent(expr)}`)
    const { status, error, data } = (await response.json()) as {
      status: string
      error?: string
      data?: { result: Sample[] }
    }
    if (status !== 'success' || data === undefined) throw new Error(`${expr}: ${error ?? status}`)
    return data.result
  }
  try {
    await answering(port, child)
    while ((await fetch(`${base}/-/ready`)).status !== 200) await wait(50)
  } catch (error) {
    await end()
    throw new Error(`Prometheus did not start:\n${words.join('')}`, { cause: error })
  }
  return {
    query,
    async waitFor(expr, suits = ({ length }) => length > 0) {
      const deadline = performance.now() + TIMEOUT_MS
      for (;;) {
        const samples = await query(expr)
        if (suits(samples)) return samples
        if (performance.now() > deadline) {
          throw new Error(`${expr} is ${JSON.stringify(samples)}\n${words.join('')}`)
        }
        await wait(100)
      }
    },
    stop: end
  }
}
