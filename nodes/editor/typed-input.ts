/**
 * Makes a typed input of a text input. Of its parts Node-RED names none that has an icon only, and
 * before version 5 not even the field.
 *
 * @param label what a reader of the screen says
 * @param expand the same, for the button that opens the large editor
 */
export function createTypedInput(
  input: HTMLElement,
  types: (string | TypedInputType)[],
  label: string,
  expand: string
): EditorElements {
  const made = $(input).typedInput({ types })
  const container = input.parentElement?.querySelector(':scope > .red-ui-typedInput-container')
  container?.querySelector('.red-ui-typedInput-input')?.setAttribute('aria-label', label)
  container?.querySelector('.red-ui-typedInput-option-expand')?.setAttribute('aria-label', expand)
  return made
}
