/** Marks a field for screen readers, and says why below it. */
export function explainMark(input: HTMLElement, marked: boolean, reason: string): void {
  showMistake(input, reason)
  if (marked) input.setAttribute('aria-invalid', 'true')
  else input.removeAttribute('aria-invalid')
  if (reason === '') input.removeAttribute('aria-describedby')
  else input.setAttribute('aria-describedby', `${input.id}-problem`)
}

/** Shows or removes the text for a mistake under a field or list. */
export function showMistake(field: HTMLElement, reason: string): void {
  const id = `${field.id}-problem`
  let words = document.getElementById(id)
  if (reason === '') {
    words?.remove()
    return
  }
  if (words === null) {
    words = document.createElement('div')
    words.id = id
    words.className = 'hl7-https-problem'
    words.classList.toggle('hl7-https-list-problem', field instanceof HTMLOListElement)
    words.setAttribute('role', 'status')
    const row = field.closest('.form-row')
    row?.insertBefore(words, row.querySelector(':scope > .hl7-https-hint'))
  }
  if (words.textContent !== reason) words.textContent = reason
}
