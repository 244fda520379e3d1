import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { BenchNodeRed, type BenchNodeRedOptions, type RunSpec } from './bench-node-red.ts'
import type { Figure } from './report.ts'
import type { Servers } from './servers.ts'
import { type Turn, turn, Turns } from './turns.ts'

/** This version of the package, and the one to compare it with. */
export type Version = 'this' | 'before'

/** The version to compare with. */
export interface EarlierVersion {
  /** A checkout that has been built. */
  directory: string
  version: string
}

/** Messages before each turn, enough to open 32 connections. */
const MESSAGES_BEFORE = 64

/** Messages for a `bench-loop` node. */
export interface Load {
  loop: string
  spec: RunSpec
}

export function readEarlierVersion(directory: string): EarlierVersion {
  const checkout = resolve(directory)
  if (!existsSync(join(checkout, 'dist'))) throw new Error(`${checkout} is not built: no dist/`)
  const { version } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as {
    version: string
  }
  return { directory: checkout, version }
}

/** The figures of a row, for both versions if there are two. */
export function figures(
  before: EarlierVersion | undefined,
  figureOf: (version: Version) => Figure
): Figure & { before?: Figure } {
  return {
    ...figureOf('this'),
    ...(before === undefined ? {} : { before: figureOf('before') })
  }
}

/**
 * A Node-RED for each version, with the same flows: the versions register the same node types, so one
 * process cannot load both.
 */
export class NodeReds {
  readonly #byVersion: ReadonlyMap<Version, BenchNodeRed>

  private constructor(byVersion: ReadonlyMap<Version, BenchNodeRed>) {
    this.#byVersion = byVersion
  }

  static async start(
    options: BenchNodeRedOptions,
    before: EarlierVersion | undefined
  ): Promise<NodeReds> {
    const byVersion = new Map<Version, BenchNodeRed>()
    byVersion.set('this', await BenchNodeRed.start(options))
    if (before !== undefined) {
      const packageDir = before.directory
      byVersion.set('before', await BenchNodeRed.start({ ...options, packageDir }))
    }
    return new NodeReds(byVersion)
  }

  /** The turns of `candidates`. */
  takeTurns(
    servers: Servers,
    loads: Readonly<Record<string, Load>>,
    rounds: number,
    warmUps: number
  ): Promise<Turns> {
    return Turns.take(this.candidates(servers, loads), rounds, warmUps)
  }

  /**
   * Each load goes to each version before the next load comes. The turns are called by version and
   * load: `this NAME`, `before NAME`.
   *
   * @param rest what comes between the messages before a turn and those that count
   */
  candidates(
    servers: Servers,
    loads: Readonly<Record<string, Load>>,
    rest?: () => Promise<void>
  ): Record<string, () => Promise<Turn>> {
    const candidates: Record<string, () => Promise<Turn>> = {}
    for (const [name, { loop, spec }] of Object.entries(loads)) {
      for (const [version, nodeRed] of this.#byVersion) {
        candidates[`${version} ${name}`] = async () => {
          // The receiver closes connections that are idle for 5 s. Messages that open new ones must
          // not count, and nodes that do not repeat a request may lose one as a connection closes.
          await nodeRed.run(loop, { ...spec, messages: MESSAGES_BEFORE, mayFail: true })
          await rest?.()
          return turn(nodeRed, servers, loop, spec)
        }
      }
    }
    return candidates
  }

  /** Writes a CPU profile of a load on this version. */
  async profile({ loop, spec }: Load, file: string): Promise<void> {
    await this.#byVersion.get('this')?.run(loop, { ...spec, profile: file })
  }

  async stop(): Promise<void> {
    for (const nodeRed of this.#byVersion.values()) await nodeRed.stop()
  }
}
