const REMOVE = '.red-ui-editableList-item-remove'

/**
 * Node-RED's remove buttons have only an icon: gives them a name. When a row is removed, the focus
 * goes to the same button of the next row, else of the one before, else to the button that adds one.
 *
 * @param list the `ol` of an editable list; call this again after rows were added
 * @param add the button that adds a row
 */
export function prepareRemoveButtons(
  list: HTMLElement,
  name: string,
  add: () => HTMLElement | null | undefined
): void {
  for (const button of list.querySelectorAll<HTMLElement>(REMOVE)) {
    if (button.getAttribute('aria-label') !== null) continue
    button.setAttribute('aria-label', name)
    button.addEventListener('click', () => {
      const row = button.closest('li')
      const rest = [...list.querySelectorAll<HTMLElement>(':scope > li')].filter(
        (one) => one === row || !one.classList.contains('red-ui-editableList-item-deleting')
      )
      const at = rest.findIndex((one) => one === row)
      const next = rest[at + 1] ?? rest[at - 1]
      const to = next?.querySelector<HTMLElement>(REMOVE) ?? add()
      to?.focus()
    })
  }
}
