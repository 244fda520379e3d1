/**
 * Puts a text into the clipboard.
 *
 * @returns whether the browser did it
 */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return copySelected(text)
  }
}

/** Copies by selecting the text in a field that nobody sees. */
function copySelected(text: string): boolean {
  const before = document.activeElement
  const area = document.createElement('textarea')
  area.value = text
  area.style.position = 'fixed'
  area.style.opacity = '0'
  document.body.append(area)
  area.select()
  /* oxlint-disable-next-line typescript/no-deprecated --
     `Document.execCommand` is deprecated in TypeScript's DOM types (lib.dom.d.ts; seen in November 2026 with 6.0).
     Browsers have its successor, `navigator.clipboard`, only on HTTPS and localhost. Node-RED is often opened over
     plain HTTP, and nothing else copies there. */
  const isCopied = document.execCommand('copy')
  area.remove()
  if (before instanceof HTMLElement) before.focus()
  return isCopied
}
