import { Life } from '../support/life.ts'
import type { Answered, Asked, Commands, ProcessSettings } from './delivery-process.ts'

const script = new URL('delivery-process.ts', import.meta.url)

type Result<Name extends keyof Commands> = Awaited<ReturnType<Commands[Name]>>

interface Waiting extends PromiseWithResolvers<unknown> {
  name: string
}

/** One life of a process that delivers messages. */
export class DeliveryLife extends Life {
  readonly #asked = new Map<number, Waiting>()
  #hasEnded = false
  #number = 0

  /** @param environment added to that of this process */
  constructor(settings: ProcessSettings, environment: Record<string, string> = {}) {
    super(script, settings, environment)
    this.child.on('message', (answer: Answered) => {
      this.#settle(answer)
    })
    void this.ended.then(() => {
      this.#hasEnded = true
      for (const { reject } of this.#asked.values()) reject(new Error('The process has ended.'))
      this.#asked.clear()
    })
  }

  /** @throws {Error} with the command and the code of its error, or if the process has ended */
  ask<Name extends keyof Commands>(
    name: Name,
    ...args: Parameters<Commands[Name]>
  ): Promise<Result<Name>> {
    if (this.#hasEnded) return Promise.reject(new Error('The process has ended.'))
    const number = ++this.#number
    const answer = Promise.withResolvers<unknown>()
    this.#asked.set(number, { name, ...answer })
    this.child.send({ number, name, args } satisfies Asked)
    return answer.promise as Promise<Result<Name>>
  }

  get pid(): number {
    return this.child.pid ?? 0
  }

  async close(): Promise<void> {
    await this.ask('close')
    await this.ended
  }

  #settle({ number, value, error }: Answered): void {
    const answer = this.#asked.get(number)
    this.#asked.delete(number)
    if (error === undefined) answer?.resolve(value)
    else answer?.reject(new Error(`${answer.name}: ${error}`))
  }
}
