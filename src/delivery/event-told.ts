import type { QueueEvent } from '../queue/queue-event.ts'
import type { Told } from '../told.ts'

/** What an event is told as: the log begins with the same sentence that the tab shows. */
export function eventTold({ by, kind, values }: Omit<QueueEvent, 'at'>): Told {
  return { kind, values: kind === 'paused' ? { ...values, by } : values }
}
