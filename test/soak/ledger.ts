import { senders, type Sender } from './soak-flow.ts'

const CONTROL_ID = /\b[DM][FKN]\d{7}\b/g

/** Keeps record of which messages came in, and how each left. */
export class Ledger {
  /** Control IDs of the messages that came in, by sender. */
  readonly #came = new Map<Sender, string[]>(senders.map((sender) => [sender, []]))
  readonly #left = new Map<string, number>()
  readonly #reported = new Set<string>()
  /** How many messages left in each way. */
  readonly ways: Record<string, number> = {}

  /** Creates the next message of a sender, and records that it came in. */
  next(sender: Sender, patient: string, note: string): string {
    const ids = this.#came.get(sender) ?? []
    const controlId = sender.prefix + String(ids.length).padStart(7, '0')
    ids.push(controlId)
    return [
      `MSH|^~\\&|WARDSYS|NORTHSIDE|REGISTRY|CITYCARE|20260102030405||ADT^A08^ADT_A01|${controlId}|P|2.5.1`,
      `PID|1||${patient}^^^NORTHSIDE^MR||Lindqvist^Astrid||19840217|F`,
      `NTE|1||${note}`
    ].join('\r')
  }

  /** Records that a message left. */
  leaves(controlId: string, way: string): void {
    this.#left.set(controlId, (this.#left.get(controlId) ?? 0) + 1)
    this.ways[way] = (this.ways[way] ?? 0) + 1
  }

  /** Records the messages of a closed queue in memory, which a line of the log lists. */
  report(line: string): void {
    for (const id of controlIds(line)) this.#reported.add(id)
  }

  get came(): number {
    return this.#count(({ length }) => length)
  }

  get reported(): number {
    return this.#reported.size
  }

  /** Messages that came in, but neither left nor were reported. */
  lost(): string[] {
    return this.#find(
      (id, { durable }) => !this.#left.has(id) && (durable || !this.#reported.has(id))
    )
  }

  /** Messages that left more than once. */
  repeated(durable: boolean): string[] {
    return this.#find((id, sender) => sender.durable === durable && (this.#left.get(id) ?? 0) > 1)
  }

  /** Messages that left, but never came in. */
  strangers(): string[] {
    const known = new Set(this.#find(() => true))
    return [...this.#left.keys()].filter((id) => !known.has(id))
  }

  #find(suits: (id: string, sender: Sender) => boolean): string[] {
    return [...this.#came].flatMap(([sender, ids]) => ids.filter((id) => suits(id, sender)))
  }

  #count(of: (ids: readonly string[]) => number): number {
    return [...this.#came.values()].reduce((sum, ids) => sum + of(ids), 0)
  }
}

/** The control IDs of the soak in a text. The first is that of the message itself. */
export function controlIds(text: string): string[] {
  return text.match(CONTROL_ID) ?? []
}
