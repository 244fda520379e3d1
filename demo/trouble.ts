/** The trouble that buttons in the demo's flow make: the receiver is away, or locks its records. */
import type { Hl7Receiver } from './hl7-receiver.ts'

const kinds = ['away', 'locked'] as const
type Kind = (typeof kinds)[number]

const maxSeconds = 600

/** Makes trouble for a while; a second press of the same button starts the time again. */
export class Trouble {
  readonly #receiver: Hl7Receiver
  readonly #say: (line: string) => void
  readonly #timers = new Map<Kind, NodeJS.Timeout>()

  constructor(receiver: Hl7Receiver, say: (line: string) => void) {
    this.#receiver = receiver
    this.#say = say
  }

  /**
   * Takes what the flow sends: `{trouble, seconds}`, with `away` or `locked`, and at most 600
   * seconds. Ignores anything else.
   */
  take(message: unknown): void {
    const { trouble, seconds } = (message ?? {}) as { trouble?: unknown; seconds?: unknown }
    const kind = kinds.find((one) => one === trouble)
    if (kind === undefined || typeof seconds !== 'number') return
    if (!(seconds > 0 && seconds <= maxSeconds)) return
    this.#say(
      kind === 'away'
        ? `The receiver is away for ${seconds} seconds.`
        : `The receiver locks its records for ${seconds} seconds: AE, code 206.`
    )
    if (kind === 'away') void this.#receiver.leave()
    else this.#receiver.isLocked = true
    this.#later(kind, seconds)
  }

  /** Forgets what would happen later. */
  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer)
  }

  #later(kind: Kind, seconds: number): void {
    clearTimeout(this.#timers.get(kind))
    this.#timers.set(
      kind,
      setTimeout(() => {
        this.#end(kind)
      }, seconds * 1000)
    )
  }

  #end(kind: Kind): void {
    if (kind === 'locked') {
      this.#receiver.isLocked = false
      this.#say('The receiver has unlocked its records.')
      return
    }
    this.#receiver.comeBack().then(
      () => {
        this.#say('The receiver is back.')
      },
      () => {
        // Another program has the port.
        this.#later(kind, 1)
      }
    )
  }
}
