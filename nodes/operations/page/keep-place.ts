/** Draws without moving the focus or what is under the pointer. */
export function keepPlace(within: Element, draw: () => void): void {
  keepUnderPointer(within, () => {
    keepFocus(within, draw)
  })
}

/** The element under the pointer may be clicked next: if something above it grows, scrolls by as much. */
function keepUnderPointer(within: Element, draw: () => void): void {
  const hovered = [...within.querySelectorAll(':is([data-key], button):hover')].at(-1)
  const before = hovered?.getBoundingClientRect().top ?? 0
  draw()
  if (hovered?.isConnected !== true) return
  const moved = hovered.getBoundingClientRect().top - before
  if (moved !== 0) scrollerOf(hovered).scrollTop += moved
}

function scrollerOf(element: Element): Element {
  for (let at = element.parentElement; at !== null; at = at.parentElement) {
    const canScroll = /auto|scroll/.test(getComputedStyle(at).overflowY)
    if (canScroll && at.scrollHeight > at.clientHeight) return at
  }
  return document.documentElement
}

/** An element that is moved or removed loses the focus. */
function keepFocus(within: Element, draw: () => void): void {
  const focused = document.activeElement
  if (!(focused instanceof HTMLElement) || !within.contains(focused)) {
    draw()
    return
  }
  // An opened message is in a row of its own, below its row in the list.
  const row = focused.closest('[data-key]') ?? focused.closest('tr')?.previousElementSibling ?? null
  const rows = row?.parentElement
  const index = row === null ? -1 : [...(rows?.querySelectorAll('[data-key]') ?? [])].indexOf(row)
  const section = focused.closest('section')
  draw()
  if (focused.isConnected) {
    if (document.activeElement !== focused) focused.focus({ preventScroll: true })
    return
  }
  // The row that took its place gets the focus, or else the heading above.
  const others =
    rows?.isConnected === true ? [...rows.querySelectorAll<HTMLElement>('[data-key]')] : []
  const next = others[Math.min(index, others.length - 1)]
  const heading = section?.querySelector<HTMLElement>('h2, h3')
  ;(next ?? heading)?.focus({ preventScroll: true })
}
