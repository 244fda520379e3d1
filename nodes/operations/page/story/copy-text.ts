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

/**
 * Browsers have `navigator.clipboard` only on pages that came over HTTPS, and Node-RED is often opened over HTTP. There,
 * `execCommand` is the only way to copy: deprecated, but in every browser, because nothing replaces it.
 */
function copySelected(text: string): boolean {
  const before = document.activeElement
  const area = document.createElement('textarea')
  area.value = text
  area.style.position = 'fixed'
  area.style.opacity = '0'
  document.body.append(area)
  area.select()
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- nothing else copies there
  const isCopied = document.execCommand('copy')
  area.remove()
  if (before instanceof HTMLElement) before.focus()
  return isCopied
}
