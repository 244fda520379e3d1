import { html, nothing, render } from 'lit-html'
import { elementOf } from './element-of.ts'

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
  const copy = elementOf('hl7-https-out-rules-underlay', HTMLElement)
  const follow = (): void => {
    copy.scrollTop = area.scrollTop
  }
  area.addEventListener('scroll', follow)
  return (mistake) => {
    const text = area.value
    const start = Math.min(mistake?.position ?? 0, text.length)
    const end = Math.min(Math.max(start + (mistake?.length ?? 0), start + 1), text.length)
    // At the end of the text only blanks can be underlined.
    const wrong = end > start ? text.slice(start, end) : '\u00a0\u00a0'
    const marked = html`${text.slice(0, start)}<mark>${wrong}</mark>${text.slice(end)}`
    render(mistake === undefined ? nothing : marked, copy)
    follow()
  }
}
