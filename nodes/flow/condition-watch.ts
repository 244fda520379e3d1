import type { DeliveryEvent } from '../../src/delivery/delivery-events.ts'
import type { Figures, Note } from '../../src/queue/figures.ts'
import type { ConditionFacts } from './condition-facts.ts'
import { conditionsOf, type Condition } from './conditions.ts'
import type { ConditionCode } from '../../src/codes.ts'

/**
 * Remembers since when conditions hold. It sees only what it is asked about. A condition of an earlier run goes on if
 * it comes back before a message is settled: it was not over. So does one that is of what is stored, such as suspended
 * messages.
 */
export class ConditionWatch {
  readonly #facts: () => ConditionFacts
  #since = new Map<ConditionCode, number>()
  #earlier: Figures['since'] = {}
  #note: Note | undefined
  /** Something held that is not fine. */
  #hadTrouble = false

  constructor(facts: () => ConditionFacts) {
    this.#facts = facts
  }

  /** A reader of events. */
  readEvent(event: DeliveryEvent): void {
    if (event.kind === 'opened') {
      this.#earlier = event.figures.since
      this.#note ??= event.figures.note
      // Somebody may have asked before.
      for (const code of this.#since.keys()) {
        this.#since.set(code, this.#earlier[code] ?? this.#since.get(code) ?? 0)
      }
    } else if (event.kind === 'moved' && event.to === 'leaving') this.#earlier = {}
  }

  /** Those that hold, the most urgent first; to be asked soon after each change. */
  current(): Condition[] {
    const facts = this.#facts()
    const held = new Map<ConditionCode, number>()
    const conditions = conditionsOf(facts, (code) => {
      const since = this.#since.get(code) ?? this.#earlier[code] ?? facts.now
      held.set(code, since)
      return since
    })
    this.#keepFineApart(conditions, held, facts.now)
    this.#since = held
    if (!conditions.some(({ code }) => code === this.#note?.code)) this.#note = undefined
    return conditions
  }

  /** What is fine holds beneath a trouble, too: but since its end, not since what was before it. */
  #keepFineApart(conditions: Condition[], held: Map<ConditionCode, number>, now: number): void {
    const isTrouble = conditions[0]?.level !== 'fine'
    if (this.#hadTrouble && !isTrouble) {
      this.#earlier = {}
      for (const condition of conditions) {
        condition.since = now
        held.set(condition.code, now)
      }
    }
    this.#hadTrouble = isTrouble
  }

  /** What somebody said of one of them; undefined if nobody did, or it is over. */
  get note(): Note | undefined {
    return this.#note
  }

  /** @param note of the condition that is the most urgent now; of an error, of what was given up for it */
  setNote(note: Omit<Note, 'code'>): Note {
    const [first, ...others] = this.current().map(({ code }) => code)
    const isOfGivenUp = first === 'ERROR' && others.includes('GIVEN_UP')
    this.#note = { ...note, code: isOfGivenUp ? 'GIVEN_UP' : (first ?? 'IDLE') }
    return this.#note
  }

  /** What is to be stored: that of the earlier run as long as it may go on. */
  get stored(): Pick<Figures, 'since' | 'note'> {
    this.current()
    return { since: { ...this.#earlier, ...Object.fromEntries(this.#since) }, note: this.#note }
  }
}
