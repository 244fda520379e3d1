import { element, place, setAttribute, setText } from './dom.ts'

export interface Column {
  id: string
  title: string
}

/** What a cell shows. */
export interface Cell {
  text: string
  /** What it is: words before and after the text if the sidebar is too narrow for a head. */
  lead?: string
  unit?: string
  /** In front of the text; for the eye only. */
  dot?: string
  /** Not worth a place in a narrow sidebar. */
  fold?: boolean
}

export interface RowTableOptions<Item> {
  label: string
  /** Beside `hl7-https-rows`. */
  className: string
  columns: readonly Column[]
  key: (item: Item) => string
  cells: (item: Item) => Readonly<Record<string, Cell>>
  /** A row was chosen, with the mouse or Enter. */
  choose: (key: string) => void
}

interface Row {
  element: HTMLTableRowElement
  cells: Map<string, Record<'cell' | 'dot' | 'lead' | 'text' | 'unit', HTMLElement>>
}

/**
 * A table whose rows can be chosen: one is in the tab order, the arrows go to the others. It is
 * brought up to date in place: focus, scroll position and selection stay.
 */
export class RowTable<Item> {
  readonly element: HTMLTableElement
  readonly #options: RowTableOptions<Item>
  readonly #body = element('tbody', { role: 'rowgroup' })
  readonly #rows = new Map<string, Row>()
  #order: string[] = []
  /** The key of the row that is in the tab order. */
  #reachable: string | undefined

  constructor(options: RowTableOptions<Item>) {
    this.#options = options
    const head = element('tr', { role: 'row' })
    for (const { id, title } of options.columns) {
      head.append(
        element('th', {
          role: 'columnheader',
          scope: 'col',
          class: `hl7-https-cell-${id}`,
          text: title
        })
      )
    }
    this.element = element(
      'table',
      { role: 'grid', 'aria-label': options.label, class: `hl7-https-rows ${options.className}` },
      element('thead', { role: 'rowgroup' }, head),
      this.#body
    )
    this.#body.addEventListener('click', ({ target }) => {
      const key = this.#keyAt(target)
      if (key !== undefined) this.#choose(key)
    })
    this.#body.addEventListener('keydown', (event) => {
      this.#pressed(event)
    })
    this.#body.addEventListener('focusin', ({ target }) => {
      const key = this.#keyAt(target)
      if (key !== undefined) this.#reach(key)
    })
  }

  /** Shows these items, in their order. */
  update(items: readonly Item[], chosen: string | undefined): void {
    const { key, cells } = this.#options
    const focused = [...this.#rows].find(([, row]) => row.element === document.activeElement)?.[0]
    const index = focused === undefined ? -1 : this.#order.indexOf(focused)
    this.#order = items.map(key)
    const wanted = new Set(this.#order)
    for (const item of items) {
      const id = key(item)
      const row = this.#rows.get(id) ?? this.#add(id)
      this.#fill(row, cells(item))
      setAttribute(row.element, 'aria-selected', String(id === chosen))
    }
    for (const id of this.#rows.keys()) if (!wanted.has(id)) this.#rows.delete(id)
    place(
      this.#body,
      this.#order.flatMap((id) => this.#rows.get(id)?.element ?? [])
    )
    if (this.#reachable === undefined || !wanted.has(this.#reachable)) {
      this.#reach(chosen !== undefined && wanted.has(chosen) ? chosen : this.#order[0])
    }
    // The row that had the focus is gone: the one that took its place has it now.
    if (focused !== undefined && !wanted.has(focused)) {
      this.focus(this.#order[Math.min(index, this.#order.length - 1)])
    }
  }

  /** @returns whether there was a row to focus */
  focus(key = this.#reachable): boolean {
    const row = key === undefined ? undefined : this.#rows.get(key)
    row?.element.focus()
    return row !== undefined
  }

  #add(id: string): Row {
    const row: Row = {
      element: element('tr', { role: 'row', tabindex: '-1', 'data-key': id }),
      cells: new Map()
    }
    for (const column of this.#options.columns) {
      const dot = element('span', { class: 'hl7-https-dot', 'aria-hidden': 'true' })
      const text = element('span')
      const lead = element('span', { class: 'hl7-https-unit' })
      const unit = element('span', { class: 'hl7-https-unit' })
      const cell = element(
        'td',
        { role: 'gridcell', class: `hl7-https-cell-${column.id}` },
        ...[dot, lead, text, unit]
      )
      row.element.append(cell)
      row.cells.set(column.id, { cell, dot, lead, text, unit })
    }
    this.#rows.set(id, row)
    return row
  }

  #fill(row: Row, shown: Readonly<Record<string, Cell>>): void {
    for (const [id, { cell, dot, lead, text, unit }] of row.cells) {
      const given = shown[id] ?? { text: '' }
      setText(lead, given.lead === undefined ? '' : `${given.lead} `)
      setText(text, given.text)
      setText(unit, given.unit === undefined ? '' : ` ${given.unit}`)
      dot.hidden = given.dot === undefined
      setAttribute(dot, 'data-level', given.dot ?? null)
      setAttribute(cell, 'title', given.text.length > 20 ? given.text : null)
      cell.classList.toggle('hl7-https-fold', given.fold === true || given.text === '')
    }
  }

  #keyAt(target: EventTarget | null): string | undefined {
    const row = target instanceof Element ? target.closest('tr') : null
    return row?.dataset['key']
  }

  #choose(key: string): void {
    this.#reach(key)
    this.#options.choose(key)
  }

  #reach(key: string | undefined): void {
    for (const [id, row] of this.#rows) {
      setAttribute(row.element, 'tabindex', id === key ? '0' : '-1')
    }
    this.#reachable = key
  }

  #pressed(event: KeyboardEvent): void {
    const key = this.#keyAt(event.target)
    if (key === undefined || event.ctrlKey || event.altKey || event.metaKey) return
    const at = this.#order.indexOf(key)
    const last = this.#order.length - 1
    const to: Record<string, number> = {
      ArrowDown: Math.min(at + 1, last),
      ArrowUp: Math.max(at - 1, 0),
      PageDown: Math.min(at + 10, last),
      PageUp: Math.max(at - 10, 0),
      Home: 0,
      End: last
    }
    const next = to[event.key]
    if (next !== undefined) this.focus(this.#order[next])
    else if (event.key === 'Enter' || event.key === ' ') this.#choose(key)
    else return
    // The editor has keys of its own.
    event.preventDefault()
    event.stopPropagation()
  }
}
