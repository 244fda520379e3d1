import type { ProbedMessage } from '../support/node-red.ts'
import type { World } from '../support/world.ts'

/** Sends a message through the usual flow. @returns the probe that it reached, and how it arrived */
export async function send(
  { nodeRed }: World,
  payload: string
): Promise<{ probe: string; msg: ProbedMessage }> {
  const arrived = (): number[] => probes.map((probe) => nodeRed.messages(probe).length)
  const probes = ['ack', 'nak', 'caught']
  const before = arrived()
  await nodeRed.inject('in', { payload })
  const at = await nodeRed.waitFor(() => {
    const index = arrived().findIndex((count, probe) => count > (before[probe] ?? 0))
    return index < 0 ? undefined : index
  })
  const probe = probes[at] ?? ''
  return { probe, msg: nodeRed.messages(probe).at(-1) ?? {} }
}
