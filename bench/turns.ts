import type { BenchNodeRed, RunSpec, ThreadsUs } from './bench-node-red.ts'
import { median } from './report.ts'
import type { Servers } from './servers.ts'

/** What one turn of a candidate took. */
export interface Turn {
  messages: number
  ms: number
  /** CPU time of all of Node-RED's threads, in microseconds. */
  cpuUs: number
  threadsUs?: ThreadsUs
  /** New connections at the receiver. */
  connections: number
}

/** Lets a `bench-loop` node send messages. */
export async function turn(
  nodeRed: BenchNodeRed,
  servers: Servers,
  name: string,
  spec: RunSpec
): Promise<Turn> {
  const { connections: before } = await servers.received()
  const { messages, ms, cpuUs, threadsUs } = await nodeRed.run(name, spec)
  const { connections } = await servers.received()
  const turn = { messages, ms, cpuUs, connections: connections - before }
  return threadsUs === undefined ? turn : { ...turn, threadsUs }
}

/** Candidates that took turns (A B C A B C …), so that a disturbance on the machine affects all. */
export class Turns {
  readonly #turns: ReadonlyMap<string, Turn[]>

  private constructor(turns: ReadonlyMap<string, Turn[]>) {
    this.#turns = turns
  }

  /** @param warmUps rounds before those that count */
  static async take(
    candidates: Readonly<Record<string, () => Promise<Turn>>>,
    rounds: number,
    warmUps = 2
  ): Promise<Turns> {
    const turns = new Map<string, Turn[]>()
    for (let round = -warmUps; round < rounds; round++) {
      for (const [name, take] of Object.entries(candidates)) {
        const taken = await take()
        if (round >= 0) turns.set(name, [...(turns.get(name) ?? []), taken])
      }
    }
    return new Turns(turns)
  }

  /** CPU per message of one candidate / of another: the median of the ratios of the rounds. */
  ratio(one: string, other: string): number {
    const others = this.#cpuUs(other)
    return median(this.#cpuUs(one).map((us, round) => us / (others[round] ?? Number.NaN)))
  }

  /** Messages per second of one candidate / of another, in the same way. */
  rateRatio(one: string, other: string): number {
    const others = this.#rates(other)
    return median(this.#rates(one).map((rate, round) => rate / (others[round] ?? Number.NaN)))
  }

  /** Microseconds of CPU per message. */
  cpuUs(name: string): number {
    return median(this.#cpuUs(name))
  }

  /** Messages per second. */
  rate(name: string): number {
    return median(this.#rates(name))
  }

  /** The same of one kind of thread. */
  threadUs(name: string, thread: keyof ThreadsUs): number {
    return median(
      this.#of(name).map(({ threadsUs, messages }) => (threadsUs?.[thread] ?? NaN) / messages)
    )
  }

  /** What a turn took, in milliseconds. */
  ms(name: string): number {
    return median(this.#of(name).map(({ ms }) => ms))
  }

  /** For how many percent of the messages of the last round there was a new connection. */
  newConnections(name: string): number {
    const { connections = 0, messages = 1 } = this.#of(name).at(-1) ?? {}
    return (connections / messages) * 100
  }

  #cpuUs(name: string): number[] {
    return this.#of(name).map(({ cpuUs, messages }) => cpuUs / messages)
  }

  #rates(name: string): number[] {
    return this.#of(name).map(({ messages, ms }) => (messages / ms) * 1000)
  }

  #of(name: string): readonly Turn[] {
    return this.#turns.get(name) ?? []
  }
}
