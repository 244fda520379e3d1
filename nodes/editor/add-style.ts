/**
 * Adds a style to the page, once. Node-RED's colour variables follow its theme.
 *
 * @param id of its element
 */
export function addStyle(id: string, css: string): void {
  if (document.getElementById(id) !== null) return
  const style = document.createElement('style')
  style.id = id
  style.textContent = css
  document.head.append(style)
}
