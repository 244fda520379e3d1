import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

// Trials that kill a process: its life, and the notes that it leaves.

/** One life of a process: from its start to its end, which may be SIGKILL. */
export class Life {
  /** With a channel to this process, which it may use or not. */
  readonly child: ChildProcess
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<unknown>

  /**
   * @param script beside the file of a trial: `new URL('x-process.ts', import.meta.url)`
   * @param settings what it reads by `ownSettings`
   * @param environment added to that of this process
   */
  constructor(script: URL, settings: object, environment: Record<string, string> = {}) {
    this.child = spawn(process.execPath, [fileURLToPath(script), JSON.stringify(settings)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, ...environment }
    })
    this.ended = once(this.child, 'exit').then(([code, signal]: unknown[]) => signal ?? code)
  }

  /** Ends it as a power cut would, except that what was written to the disk stays there. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.ended
  }
}

/** In the process: what its trial has told it. */
export function ownSettings(): unknown {
  return JSON.parse(process.argv[2] ?? '')
}

/** In the process: notes what happens, by a system call, so that it survives SIGKILL. */
export function noteTo(path: string): (...words: (string | number)[]) => void {
  const file = openSync(path, 'a')
  return (...words) => {
    writeSync(file, `${words.join(' ')}\n`)
  }
}

/** What the lives of a process have noted, in its order: first what happened, then to which message. */
export class Notes {
  readonly path: string

  constructor(path: string) {
    this.path = path
    writeFileSync(path, '')
  }

  /** Grows with each thing that happens. */
  get size(): number {
    return statSync(this.path).size
  }

  get lines(): string[][] {
    const lines = readFileSync(this.path, 'utf8').split('\n').filter(Boolean)
    return lines.map((line) => line.split(' '))
  }

  /** The messages to which that happened. */
  ids(what: string): Set<string> {
    return new Set(this.lines.flatMap(([kind, id = '']) => (kind === what ? [id] : [])))
  }
}

/** The control IDs that a node of the kind `recorder` has written, in their order. */
export function recorded(path: string): string[] {
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : []
}

/** The books of a trial, by control IDs. */
export interface Books {
  accepted: Iterable<string>
  /** At the receiver, or acknowledged by it. */
  arrived: ReadonlySet<string>
  left: ReadonlySet<string>
}

/** What was promised and not kept, each with some of the messages that it happened to. */
export class BrokenPromises {
  readonly #ids = new Map<string, string[]>()

  add(text: string, id: string): void {
    const ids = this.#ids.get(text) ?? []
    ids.push(id)
    this.#ids.set(text, ids)
  }

  /** What was accepted has to arrive and to leave, and nothing leaves that has not arrived. */
  compare({ accepted, arrived, left }: Books): void {
    for (const id of accepted) {
      if (!arrived.has(id)) this.add('accepted, but never arrived', id)
      if (!left.has(id)) this.add('accepted, but never left', id)
    }
    for (const id of left) if (!arrived.has(id)) this.add('left, but never arrived', id)
  }

  get list(): string[] {
    return [...this.#ids].map(
      ([text, ids]) => `${text}: ${ids.length} (${ids.slice(0, 5).join(', ')})`
    )
  }
}
