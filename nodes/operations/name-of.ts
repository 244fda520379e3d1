/** What somebody called a node or a flow. In a flow file it may be anything; from a variable of a subflow, a number. */
export function nameOf(name: unknown): string {
  if (typeof name === 'number') return String(name)
  return typeof name === 'string' ? name : ''
}
