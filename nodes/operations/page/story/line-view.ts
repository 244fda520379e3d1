import { html, type TemplateResult } from 'lit-html'
import type { Text } from '../times.ts'
import { clip, type Line } from './hl7-lines.ts'

/** A part of a line; an empty one is a place where nothing is. */
export interface Marked {
  start: number
  end: number
}

/**
 * A line of a text, with its number. Everything in it comes from outside.
 *
 * @param marked which part of it is marked, if any
 * @param isOn whether the line as a whole stands out
 */
export function lineView(
  { number, name, segment }: Line,
  text: Text,
  marked: Marked | undefined,
  isOn = false
): TemplateResult {
  const whole = segment.text
  const start = marked?.start ?? whole.length
  // The mark may begin with the name, as that of a whole segment does.
  const bold = Math.min(name.length, start)
  const parts = [
    bold === 0 ? '' : html`<b>${whole.slice(0, bold)}</b>`,
    clipped(whole.slice(bold, start), text),
    marked === undefined ? '' : markView(whole.slice(start, marked.end), text),
    marked === undefined ? '' : clipped(whole.slice(marked.end), text)
  ]
  return html`<span class=${isOn ? 'hl7-line hl7-line-on' : 'hl7-line'} data-number=${number}
    >${parts}</span
  >`
}

function markView(marked: string, text: Text): TemplateResult {
  return html`<mark class=${marked === '' ? 'hl7-mark hl7-mark-empty' : 'hl7-mark'}
    >${clipped(marked, text)}</mark
  >`
}

function clipped(part: string, text: Text): unknown {
  const { head, leftOut, tail } = clip(part)
  if (leftOut === 0) return visible(head)
  return [
    visible(head),
    html`<em class="hl7-left-out">${text('story.charactersLeftOut', { n: leftOut })}</em>`,
    visible(tail)
  ]
}

/** What cannot be seen, or turns the writing direction, is shown as a question mark; tabs stay. */
function visible(part: string): string {
  return part.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (one) => (one === '\t' ? one : '?'))
}
