/**
 * The node in the editor that runs under an id; undefined if there is none. A node in a subflow runs
 * under the ids of all its instances and its own, joined with hyphens.
 */
export function inFlow(id: string, has: (id: string) => boolean): string | undefined {
  const parts = id.split('-')
  return parts.map((_, from) => parts.slice(from).join('-')).find(has)
}
