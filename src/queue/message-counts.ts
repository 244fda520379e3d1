import type { Verdict } from './message-row.ts'
import { codesOf } from './verdict-codes.ts'

/** How many messages have each of some values. */
export type Counts = [value: string, count: number][]

/** How many messages there are, and how many of them have each type, rule and code; a message may have several codes. */
export interface CountedMessages {
  count: number
  types: Counts
  rules: Counts
  errors: Counts
}

/** Counts messages by what they can be narrowed to. */
export class MessageCounts {
  #count = 0
  readonly #types = new Map<string, number>()
  readonly #rules = new Map<string, number>()
  readonly #errors = new Map<string, number>()

  /** So many messages that are alike. */
  add(type: string, verdict: Verdict, count: number): void {
    this.#count += count
    add(this.#types, type, count)
    if (verdict.rule !== '') add(this.#rules, verdict.rule, count)
    for (const code of codesOf(verdict)) add(this.#errors, code, count)
  }

  /** What was counted elsewhere. */
  addAll({ count, errors, rules, types }: CountedMessages): void {
    this.#count += count
    for (const [value, n] of types) add(this.#types, value, n)
    for (const [value, n] of rules) add(this.#rules, value, n)
    for (const [value, n] of errors) add(this.#errors, value, n)
  }

  /** The most frequent ones first. */
  get all(): CountedMessages {
    return {
      count: this.#count,
      types: sorted(this.#types),
      rules: sorted(this.#rules),
      errors: sorted(this.#errors)
    }
  }
}

function add(counts: Map<string, number>, value: string, count: number): void {
  counts.set(value, (counts.get(value) ?? 0) + count)
}

function sorted(counts: ReadonlyMap<string, number>): Counts {
  return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
}
