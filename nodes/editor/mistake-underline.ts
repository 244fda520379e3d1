/** A mistake in a text: where it begins, and how long it is; 0 where something is missing. */
export interface Mistake {
  position: number
  length: number
}

/**
 * Underlines mistakes in a text area: a copy of its text lies behind it, with the mistake marked.
 *
 * @returns shows the mistake in the text as it is now, or none
 */
export function createUnderline(area: HTMLTextAreaElement): (mistake?: Mistake) => void {
  const copy = document.createElement('div')
  copy.className = 'hl7-https-underlay'
  copy.setAttribute('aria-hidden', 'true')
  area.before(copy)
  area.addEventListener('scroll', () => {
    copy.scrollTop = area.scrollTop
  })
  return (mistake) => {
    const text = area.value
    copy.replaceChildren()
    if (mistake !== undefined) {
      const start = Math.min(mistake.position, text.length)
      const end = Math.min(Math.max(mistake.position + mistake.length, start + 1), text.length)
      const mark = document.createElement('mark')
      // Where something is missing at the end there is nothing to underline but room.
      mark.textContent = end > start ? text.slice(start, end) : '\u00a0\u00a0'
      copy.append(text.slice(0, start), mark, text.slice(end))
    }
    copy.scrollTop = area.scrollTop
  }
}
