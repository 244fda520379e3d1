/** So long after the last sign of somebody, rows go where they belong again, in milliseconds. */
const HELD_MS = 30_000

/**
 * Keeps the rows of a table where they are while somebody is at it: what they are about to press must not move
 * away. A pointer that rests for long is forgotten.
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

  /** The pointer has left. A finger leaves before its click counts. */
  readonly left = ({ pointerType }: PointerEvent): void => {
    if (pointerType !== 'touch') this.release()
  }

  release(): void {
    this.#heldUntil = -Infinity
    void this.#draw()
  }

  /** The rows in the order in which they are to be shown: while it is held, new ones come last. */
  arrange<Row extends { id: string }>(rows: readonly Row[]): readonly Row[] {
    const before = new Map(this.#order.map((id, index) => [id, index]))
    const place = ({ id }: Row): number => before.get(id) ?? before.size
    const arranged = this.isHeld ? [...rows].sort((one, other) => place(one) - place(other)) : rows
    this.#order = arranged.map(({ id }) => id)
    return arranged
  }
}
