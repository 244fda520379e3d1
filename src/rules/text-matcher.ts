/**
 * Finds which of many texts occur in another one, in one pass over it, however many there are and
 * whatever they contain (A. V. Aho, M. J. Corasick, Comm. ACM 18 (1975)).
 *
 * The texts form a tree of states, one for each of their prefixes; 0 is the empty one.
 */
export class TextMatcher {
  /**
   * The states that follow a state and a UTF-16 unit: a hash table, many times faster than a Map.
   */
  readonly #keys: Int32Array
  readonly #states: Int32Array
  readonly #shift: number
  /** The longest other state that a state ends with. */
  readonly #fallback: Int32Array
  /** The number of the text that a state is, or -1. */
  readonly #text: Int32Array
  /** The longest other state that a state ends with and that is a text; 0 for none. */
  readonly #shorter: Int32Array

  /** @param texts with the number of each; none is empty, together they have at most 30,000 units */
  constructor(texts: ReadonlyMap<string, number>) {
    let most = 1
    for (const text of texts.keys()) most += text.length
    const bits = Math.ceil(Math.log2(most * 2))
    const size = 2 ** bits
    this.#shift = 32 - bits
    this.#keys = new Int32Array(size)
    this.#states = new Int32Array(size)
    this.#fallback = new Int32Array(most)
    this.#text = new Int32Array(most).fill(-1)
    this.#shorter = new Int32Array(most)
    this.#link(this.#tree(texts))
  }

  /** @returns the states as `[before, unit, state]`, by their length */
  #tree(texts: ReadonlyMap<string, number>): [number, number, number][] {
    const byLength: [number, number, number][][] = []
    let count = 1
    for (const [text, number] of texts) {
      let state = 0
      for (let at = 0; at < text.length; at++) {
        const unit = text.charCodeAt(at)
        const place = this.#place(state, unit)
        if (this.#states[place] === 0) {
          this.#keys[place] = (state << 16) | unit
          this.#states[place] = count
          ;(byLength[at] ??= []).push([state, unit, count])
          count++
        }
        state = this.#states[place] ?? 0
      }
      this.#text[state] = number
    }
    return byLength.flat()
  }

  /** Shorter states first: the links of a state are built from those of shorter ones. */
  #link(states: readonly [number, number, number][]): void {
    for (const [before, unit, state] of states) {
      const fallback = before === 0 ? 0 : this.#step(this.#fallback[before] ?? 0, unit)
      this.#fallback[state] = fallback
      this.#shorter[state] = this.#ending(fallback)
    }
  }

  /** Where in the table the state after this one is, or would be. */
  #place(state: number, unit: number): number {
    const keys = this.#keys
    const key = (state << 16) | unit
    const mask = keys.length - 1
    // The high bits: the state does not affect the others.
    let place = Math.imul(key, 0x9e3779b1) >>> this.#shift
    while (this.#states[place] !== 0 && keys[place] !== key) place = (place + 1) & mask
    return place
  }

  #step(from: number, unit: number): number {
    let state = from
    for (;;) {
      const next = this.#states[this.#place(state, unit)] ?? 0
      if (next !== 0 || state === 0) return next
      state = this.#fallback[state] ?? 0
    }
  }

  /** The longest text with which a state ends, as a state; 0 for none. */
  #ending(state: number): number {
    return (this.#text[state] ?? -1) >= 0 ? state : (this.#shorter[state] ?? 0)
  }

  /** Puts a 1 into `found` at the number of each text that occurs in `searched`. */
  find(searched: string, found: Uint8Array): void {
    let state = 0
    for (let at = 0; at < searched.length; at++) {
      state = this.#step(state, searched.charCodeAt(at))
      let ending = this.#ending(state)
      while (ending !== 0) {
        const text = this.#text[ending] ?? 0
        // If one was found, so were those that it ends with.
        if (found[text] === 1) break
        found[text] = 1
        ending = this.#shorter[ending] ?? 0
      }
    }
  }
}
