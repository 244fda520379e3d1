/** Where a message is, or how it left: what an operator sees and asks for. */
export const KNOWN_STATES = [
  'waiting',
  'sending',
  'retrying',
  'awaiting',
  'suspended',
  'leaving',
  'acked',
  'naked',
  'failed'
] as const

export type KnownState = (typeof KNOWN_STATES)[number]
