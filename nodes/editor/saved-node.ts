/** A node as Node-RED has saved it: the editor drops properties that it does not know. Undefined if it is new. */
export function savedNode({ id }: { id: string }): object | undefined {
  return RED.nodes.originalFlow?.()?.find((one) => one.id === id)
}
