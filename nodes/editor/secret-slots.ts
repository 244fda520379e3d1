/**
 * Shows the secret slots that are used by a value or hold a secret, and hides the others.
 *
 * @param used the slots that values name, such as `secret1`
 */
export function showSecretSlots(
  node: EditorNode,
  root: HTMLElement,
  prefix: string,
  used: readonly string[]
): void {
  for (const row of root.querySelectorAll<HTMLElement>('[data-secret]')) {
    const slot = `secret${row.dataset['secret'] ?? ''}`
    const input = document.getElementById(`${prefix}-${slot}`)
    const filled = input instanceof HTMLInputElement && input.value !== ''
    row.hidden = !filled && !used.includes(slot) && node.credentials?.[`has_${slot}`] !== true
  }
}
