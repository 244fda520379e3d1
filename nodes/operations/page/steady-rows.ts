/** How long after the last movement or key the rows are sorted again, in milliseconds. */
const HELD_MS = 30_000

/**
 * Keeps the rows of a table in place while somebody uses it, so that what they are about to press does not move.
 * A pointer that rests for a long time no longer counts.
 */
export class SteadyRows {
  readonly #draw: () => Promise<void>
  #heldUntil = -Infinity
  #order: readonly string[] = []

  constructor(draw: () => Promise<void>) {
    this.#draw = draw
  }

  get isHeld(): boolean {
    return performance.now() < this.#heldUntil
  }

  /** Somebody moved the pointer in the table, or pressed a key. */
  readonly hold = (): void => {
    this.#heldUntil = performance.now() + HELD_MS
  }

  /** The pointer has left. With touch, that comes before the click, so it does not count. */
  readonly left = ({ pointerType }: PointerEvent): void => {
    if (pointerType !== 'touch') this.release()
  }

  release(): void {
    this.#heldUntil = -Infinity
    void this.#draw()
  }

  /** The rows in the order to show them: while held, as before, with new ones at the end. */
  arrange<Row extends { id: string }>(rows: readonly Row[]): readonly Row[] {
    const before = new Map(this.#order.map((id, index) => [id, index]))
    const place = ({ id }: Row): number => before.get(id) ?? before.size
    const arranged = this.isHeld ? [...rows].sort((one, other) => place(one) - place(other)) : rows
    this.#order = arranged.map(({ id }) => id)
    return arranged
  }
}
