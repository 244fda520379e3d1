/**
 * The keys of a table whose rows can be chosen: one row is in the tab order, the arrows go to the
 * others. Rows have `data-key`.
 */
export class RowKeys {
  readonly #open: (key: string, isEntered: boolean) => void
  readonly #tick: (key: string) => void
  readonly #draw: () => Promise<void>
  #keys: readonly string[] = []
  /** The row in the tab order. */
  #reachable: string | undefined

  /**
   * @param open a row was chosen, with the mouse, or with Enter
   * @param tick the same with the space bar
   */
  constructor(
    draw: () => Promise<void>,
    open: (key: string, isEntered: boolean) => void,
    tick: (key: string) => void = (key) => {
      open(key, false)
    }
  ) {
    this.#draw = draw
    this.#open = open
    this.#tick = tick
  }

  /** Says which rows there are, before they are drawn. */
  set(keys: readonly string[], chosen: string | undefined): void {
    this.#keys = keys
    if (this.#reachable !== undefined && keys.includes(this.#reachable)) return
    this.#reachable = chosen !== undefined && keys.includes(chosen) ? chosen : keys[0]
  }

  tabIndex(key: string): '0' | '-1' {
    return key === this.#reachable ? '0' : '-1'
  }

  readonly clicked = (event: Event): void => {
    const key = rowOf(event)
    if (key === undefined) return
    this.#reach(key)
    this.#open(key, false)
  }

  readonly focused = (event: Event): void => {
    const key = rowOf(event)
    if (key !== undefined) this.#reach(key)
  }

  readonly pressed = (event: KeyboardEvent): void => {
    const key = rowOf(event)
    if (key === undefined || event.ctrlKey || event.altKey || event.metaKey) return
    const at = this.#keys.indexOf(key)
    const last = this.#keys.length - 1
    const to: Record<string, number> = {
      ArrowDown: Math.min(at + 1, last),
      ArrowUp: Math.max(at - 1, 0),
      PageDown: Math.min(at + 10, last),
      PageUp: Math.max(at - 10, 0),
      Home: 0,
      End: last
    }
    const next = this.#keys[to[event.key] ?? -1]
    if (next !== undefined) focusRow(event.currentTarget as Element, next)
    else if (event.key === 'Enter') this.#open(key, true)
    else if (event.key === ' ') this.#tick(key)
    else return
    // The editor has keys of its own.
    event.preventDefault()
    event.stopPropagation()
  }

  #reach(key: string): void {
    if (key === this.#reachable) return
    this.#reachable = key
    void this.#draw()
  }
}

export function focusRow(within: Element, key: string): void {
  within.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`)?.focus()
}

/** The row of an event; undefined if the event is for the checkbox in it. */
function rowOf({ target }: Event): string | undefined {
  if (!(target instanceof Element)) return undefined
  if (target instanceof HTMLInputElement) return undefined
  return target.closest<HTMLElement>('[data-key]')?.dataset['key']
}
