import { BrokenPromises, Notes } from '../support/life.ts'

/** What is known of a message from the log. */
interface Story {
  accepted: boolean
  refused: boolean
  /** Of the last time that it was sent: in which life. */
  sentIn: number
  sent: number
  /** It was handed on since it was sent. */
  isHandedOn: boolean
  /** It is suspended, as far as that is stored; a resend brings it back. */
  isSuspended: boolean
  /** It may be sent again: it was resent, or the life ended before it was stored what came of it. */
  maySendAgain: boolean
  emitted: number
  emittedIn: number
  /** That it left is stored, or the process was closed after that. */
  hasLeft: boolean
}

/** What the log of several lives says. */
export interface Findings {
  /** Against the promise; empty if it was kept. */
  broken: string[]
  accepted: number
  refused: number
  sentAgain: number
  /** Of those, the ones that had been handed on before. */
  sentAgainAfterHandedOn: number
  handedOnAgain: number
  endedTwice: number
  /** So many messages were sent at a time of which it was not stored what came of it. */
  mostUnstored: number
}

export interface LogRules {
  /** So many messages may be on their way. */
  places: number
  /** A message that was handed on before a SIGKILL may be sent again: nothing could be stored of it. */
  mayForgetOutcomes: boolean
}

/** The log that the lives of a process write (`delivery-process.ts`): what happened, in its order. */
export class DeliveryLog extends Notes {
  /** What happened to messages, and what of it must not have happened. */
  findings(rules: LogRules): Findings {
    const reader = new Reader(rules)
    for (const line of this.lines) reader.read(line)
    return reader.findings()
  }
}

class Reader {
  readonly #rules: LogRules
  readonly #stories = new Map<string, Story>()
  readonly #unstored = new Set<string>()
  readonly #broken = new BrokenPromises()
  #life = 0
  #mostUnstored = 0
  #sentAgain = 0
  #sentAgainAfterHandedOn = 0
  #handedOnAgain = 0
  #endedTwice = 0

  constructor(rules: LogRules) {
    this.#rules = rules
  }

  read([what = '', id = '', ...more]: readonly string[]): void {
    switch (what) {
      case 'started':
        this.#start()
        break
      case 'closed':
        this.#close()
        break
      case 'accepted':
        this.#story(id).accepted = true
        break
      case 'refused':
        this.#story(id).refused = true
        break
      case 'sent':
        this.#send(id)
        break
      case 'stored':
        this.#store(id, more[0] ?? '')
        break
      case 'emitted':
        this.#emit(id)
        break
      case 'resent':
        this.#resend()
        break
      case 'ended-twice':
        this.#endedTwice++
        this.#story(id).isSuspended = true
        break
      case 'lost':
      case 'notice':
      case 'fault':
        this.#broken.add(`${what} ${more.join(' ')}`, id)
    }
  }

  findings(): Findings {
    let accepted = 0
    let refused = 0
    for (const [id, story] of this.#stories) {
      if (story.accepted) accepted++
      if (story.refused) refused++
      if (story.accepted && story.emitted === 0) this.#broken.add('accepted, but never left', id)
      if (story.refused && story.sent + story.emitted > 0) this.#broken.add('refused, but sent', id)
    }
    const { places, mayForgetOutcomes } = this.#rules
    const broken = this.#broken.list
    if (this.#mostUnstored > places) {
      broken.push(
        `sent without a stored outcome: ${this.#mostUnstored} messages at a time, of at most ${places}`
      )
    }
    if (this.#sentAgainAfterHandedOn > 0 && !mayForgetOutcomes) {
      broken.push(`handed on, and sent again after SIGKILL: ${this.#sentAgainAfterHandedOn}`)
    }
    return {
      broken,
      accepted,
      refused,
      sentAgain: this.#sentAgain,
      sentAgainAfterHandedOn: this.#sentAgainAfterHandedOn,
      handedOnAgain: this.#handedOnAgain,
      endedTwice: this.#endedTwice,
      mostUnstored: this.#mostUnstored
    }
  }

  #start(): void {
    this.#life++
    for (const id of this.#unstored) this.#story(id).maySendAgain = true
    this.#unstored.clear()
  }

  /** Unlike a SIGKILL, this forgets nothing. */
  #close(): void {
    this.#unstored.clear()
    for (const story of this.#stories.values()) if (story.emitted > 0) story.hasLeft = true
  }

  #send(id: string): void {
    const story = this.#story(id)
    if (story.sent > 0) {
      this.#sentAgain++
      if (!story.maySendAgain) {
        const how = story.sentIn === this.#life ? 'in one life' : 'though its outcome was stored'
        this.#broken.add(`sent again ${how}`, id)
      } else if (story.isHandedOn) this.#sentAgainAfterHandedOn++
    }
    story.sent++
    story.sentIn = this.#life
    story.isHandedOn = story.maySendAgain = story.isSuspended = false
    this.#unstored.add(id)
    this.#mostUnstored = Math.max(this.#mostUnstored, this.#unstored.size)
  }

  #store(id: string, to: string): void {
    const story = this.#story(id)
    story.isSuspended = to === 'suspended'
    if (to === 'left') story.hasLeft = true
    this.#unstored.delete(id)
  }

  #emit(id: string): void {
    const story = this.#story(id)
    if (story.emitted > 0) {
      this.#handedOnAgain++
      if (story.emittedIn === this.#life) this.#broken.add('handed on again in one life', id)
      else if (story.hasLeft) this.#broken.add('handed on again after it had left', id)
    }
    story.emitted++
    story.emittedIn = this.#life
    story.isHandedOn = true
  }

  #resend(): void {
    for (const story of this.#stories.values()) {
      if (story.isSuspended) story.maySendAgain = true
    }
  }

  #story(id: string): Story {
    const known = this.#stories.get(id)
    if (known !== undefined) return known
    const story = {
      ...{ accepted: false, refused: false, sentIn: 0, sent: 0 },
      ...{ isHandedOn: false, isSuspended: false, maySendAgain: false },
      ...{ emitted: 0, emittedIn: 0, hasLeft: false }
    }
    this.#stories.set(id, story)
    return story
  }
}
