import { html, render } from 'lit-html'

/** Marks a field for screen readers, and says why below it. */
export function explainMark(input: HTMLElement, marked: boolean, reason: string): void {
  showMistake(input, reason)
  if (marked) input.setAttribute('aria-invalid', 'true')
  else input.removeAttribute('aria-invalid')
  if (reason === '') input.removeAttribute('aria-describedby')
  else input.setAttribute('aria-describedby', `${input.id}-problem`)
}

/** Of each row, what is wrong with its fields, by their ids: the token server has two in one row. */
const reasons = new WeakMap<HTMLElement, Map<string, string>>()

/** Shows or removes the text for a mistake under a field or list. */
export function showMistake(field: HTMLElement, reason: string): void {
  const row = field.closest<HTMLElement>('.form-row')
  if (row === null) return
  const ofRow = reasons.get(row) ?? new Map<string, string>()
  reasons.set(row, ofRow)
  if (reason === '') ofRow.delete(field.id)
  else ofRow.set(field.id, reason)
  const list = field instanceof HTMLOListElement ? 'hl7-https-list-problem' : ''
  const words = [...ofRow].map(
    ([id, text]) =>
      html`<div
        id="${id}-problem"
        class="hl7-https-problem ${list}"
        role="status"
        .textContent=${text}
      ></div>`
  )
  render(words, row, { renderBefore: row.querySelector<HTMLElement>(':scope > .hl7-https-hint') })
}
