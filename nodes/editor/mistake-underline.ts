/** A mistake in a text; its length is 0 if something is missing. */
export interface Mistake {
  position: number
  length: number
}

/**
 * Underlines a mistake in a text area by means of a copy of its text behind it.
 *
 * @returns shows the mistake in the current text; without one, removes the underline
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
      // At the end of the text only blanks can be underlined.
      mark.textContent = end > start ? text.slice(start, end) : '\u00a0\u00a0'
      copy.append(text.slice(0, start), mark, text.slice(end))
    }
    copy.scrollTop = area.scrollTop
  }
}
