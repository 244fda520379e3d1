import type { QueueEvent } from '../queue/queue-event.ts'
import type { Told } from '../told.ts'

/** What an event is told as: the log begins with the same sentence that the tab shows. */
export function eventTold({ by, kind, values }: Omit<QueueEvent, 'at'>): Told {
  if (kind === 'paused') return { kind, values: { ...values, by } }
  // A node that retries is told in another sentence.
  if (kind === 'retrying') return { kind: 'retrying-began', values }
  return { kind, values }
}
