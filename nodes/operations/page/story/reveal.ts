/**
 * Scrolls the panes so that what is marked can be seen.
 *
 * @param root what the panes are in
 * @param andPage whether the page may scroll too: only for somebody who wants to go there
 */
export function reveal(root: HTMLElement | undefined, andPage: boolean): void {
  for (const pane of root?.querySelectorAll('.hl7-lines') ?? []) {
    const marked = pane.querySelector('.hl7-mark, .hl7-line-on')
    if (marked === null) continue
    const inner = marked.getBoundingClientRect()
    const outer = pane.getBoundingClientRect()
    if (inner.top < outer.top || inner.bottom > outer.bottom) {
      pane.scrollTop += inner.top - outer.top - pane.clientHeight / 3
    }
    if (marked.matches('.hl7-mark') && (inner.left < outer.left || inner.right > outer.right)) {
      pane.scrollLeft += inner.left - outer.left - pane.clientWidth / 3
    }
  }
  if (andPage) root?.querySelector('.hl7-mark')?.scrollIntoView({ block: 'center' })
}
