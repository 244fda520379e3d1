/**
 * Turns a text input into a typed input with names for screen readers: Node-RED names none of its
 * icon buttons and, before version 5, not even the field.
 *
 * @param label the name of the field
 * @param expand the name of the button that opens the large editor
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
