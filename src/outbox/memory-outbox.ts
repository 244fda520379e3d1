import type { Outbox, OutboxContents, StoredEntry } from './outbox.ts'

/** An outbox that keeps nothing: the messages live in their owner and end with the process. */
export class MemoryOutbox implements Outbox {
  readonly durable = false

  open(): Promise<OutboxContents> {
    return Promise.resolve({
      waiting: {
        seqs: new Float64Array(),
        acceptedAt: new Float64Array(),
        laneIndex: new Uint32Array(),
        lanes: []
      },
      suspended: [],
      settled: [],
      paused: false,
      lastSeq: 0,
      unclean: false,
      endedOn: []
    })
  }

  lane(key: string): string {
    return key
  }

  add(): Promise<void> {
    return DONE
  }

  read(seq: number): Promise<StoredEntry> {
    return Promise.reject(new Error(`Message ${seq} is not in this queue.`))
  }

  update(): Promise<void> {
    return DONE
  }

  settle(): Promise<void> {
    return DONE
  }

  remove(): Promise<void> {
    return DONE
  }

  setDamaged(): Promise<void> {
    return DONE
  }

  setPaused(): Promise<void> {
    return DONE
  }

  note(): Promise<void> {
    return DONE
  }

  close(): Promise<void> {
    return DONE
  }
}

const DONE = Promise.resolve()
