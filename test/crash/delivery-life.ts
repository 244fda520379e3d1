import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Answered, Asked, Commands, ProcessSettings } from './delivery-process.ts'

const script = fileURLToPath(new URL('delivery-process.ts', import.meta.url))

type Result<Name extends keyof Commands> = Awaited<ReturnType<Commands[Name]>>

interface Waiting extends PromiseWithResolvers<unknown> {
  name: string
}

/** One life of a process that delivers messages: from its start to its end, which may be SIGKILL. */
export class DeliveryLife {
  readonly #child: ChildProcess
  readonly #asked = new Map<number, Waiting>()
  readonly #ended: Promise<unknown>
  #hasEnded = false
  #number = 0

  /** @param environment added to that of this process */
  constructor(settings: ProcessSettings, environment: Record<string, string> = {}) {
    this.#child = spawn(process.execPath, [script, JSON.stringify(settings)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, ...environment }
    })
    this.#child.on('message', (answer: Answered) => {
      this.#settle(answer)
    })
    this.#ended = once(this.#child, 'exit').then(() => {
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
    this.#child.send({ number, name, args } satisfies Asked)
    return answer.promise as Promise<Result<Name>>
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Ends it as a power cut would, except that what was written to the disk stays there. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#ended
  }

  async close(): Promise<void> {
    await this.ask('close')
    await this.#ended
  }

  #settle({ number, value, error }: Answered): void {
    const answer = this.#asked.get(number)
    this.#asked.delete(number)
    if (error === undefined) answer?.resolve(value)
    else answer?.reject(new Error(`${answer.name}: ${error}`))
  }
}
