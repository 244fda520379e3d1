/** An element of the form that is open. */
export function elementOf<Kind extends HTMLElement>(
  id: string,
  kind: abstract new () => Kind
): Kind {
  const found = document.getElementById(id)
  if (!(found instanceof kind)) throw new Error(`No element ${id}`)
  return found
}
