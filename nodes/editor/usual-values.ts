/** Offers the usual values of a text field in a select; its empty value shows the field itself. */
export function offerUsualValues(select: HTMLElement | null, field: EditorElements): void {
  const input = field[0]
  if (!(select instanceof HTMLSelectElement) || !(input instanceof HTMLInputElement)) return
  const usual = [...select.options].map((option) => option.value).filter((value) => value !== '')
  const show = (): void => {
    const other = select.value === ''
    input.hidden = !other
    const unit = input.nextElementSibling
    if (unit instanceof HTMLElement && unit.classList.contains('hl7-https-unit')) {
      unit.hidden = !other
    }
  }
  let typed = usual.includes(input.value) ? '' : input.value
  select.value = usual.includes(input.value) ? input.value : ''
  show()
  // Who types a value of the list gets its name; a value that was entered by the form itself may be any.
  field.on('change', () => {
    const value = input.value.trim()
    if (select.value === value) return
    select.value = usual.includes(value) ? value : ''
    show()
  })
  $(select).on('change', () => {
    if (select.value === '') {
      input.value = typed
    } else {
      if (!usual.includes(input.value)) typed = input.value
      input.value = select.value
    }
    show()
    field.trigger('change')
  })
}
