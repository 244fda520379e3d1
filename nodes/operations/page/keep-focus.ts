/**
 * Draws, and keeps the focus where it was: an element that is moved loses it, and one that goes would
 * leave it to nobody.
 */
export function keepFocus(within: Element, draw: () => void): void {
  const focused = document.activeElement
  if (!(focused instanceof HTMLElement) || !within.contains(focused)) {
    draw()
    return
  }
  // What is opened stands in a row of its own, below the one that opens it.
  const row = focused.closest('[data-key]') ?? focused.closest('tr')?.previousElementSibling ?? null
  const rows = row?.parentElement
  const index = row === null ? -1 : [...(rows?.querySelectorAll('[data-key]') ?? [])].indexOf(row)
  const section = focused.closest('section')
  draw()
  if (focused.isConnected) {
    if (document.activeElement !== focused) focused.focus({ preventScroll: true })
    return
  }
  // The row that took its place has it now, or else the heading above.
  const others =
    rows?.isConnected === true ? [...rows.querySelectorAll<HTMLElement>('[data-key]')] : []
  const next = others[Math.min(index, others.length - 1)]
  const heading = section?.querySelector<HTMLElement>('h2, h3')
  ;(next ?? heading)?.focus({ preventScroll: true })
}
