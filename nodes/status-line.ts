import type { Node, NodeStatus } from 'node-red'
import type { Alert, Standing } from '../src/delivery/alerts.ts'
import type { DeliveryState } from '../src/delivery/delivery-state.ts'
import { printable } from '../src/delivery/explain.ts'
import type { TokenStatus } from '../src/oauth2/token-cache.ts'

/** What a status is made from. */
export interface StatusFacts extends Standing {
  delivery: DeliveryState
  /** Undefined if the receiver wants no token. */
  token: TokenStatus | undefined
}

/** Looks a text up in the language of the runtime. */
export type Translate = (key: string, values?: Record<string, string>) => string

/** The least time between two statuses, in milliseconds: each goes to every open editor. */
const MIN_INTERVAL_MS = 100

/** The line of text and the dot under a node. Changes in quick succession are shown as one. */
export class StatusLine {
  readonly #node: Node
  readonly #translate: Translate
  readonly #facts: () => StatusFacts
  #shown = ''
  #timer: NodeJS.Timeout | undefined
  /** On the monotonic clock: a wall clock set back would delay the status for as long. */
  #lastShown = -Infinity

  constructor(node: Node, translate: Translate, facts: () => StatusFacts) {
    this.#node = node
    this.#translate = translate
    this.#facts = facts
  }

  /** The facts may have changed. */
  update(): void {
    if (this.#timer !== undefined) return
    const wait = this.#lastShown + MIN_INTERVAL_MS - performance.now()
    if (wait <= 0) {
      this.#show()
      return
    }
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#show()
    }, wait)
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#node.status({})
  }

  #show(): void {
    this.#lastShown = performance.now()
    const facts = this.#facts()
    const status = statusOf(facts, this.#translate, Date.now())
    const shown = JSON.stringify(status)
    if (shown !== this.#shown) {
      this.#shown = shown
      this.#node.status(status)
    }
    // The regular status comes after a new alert.
    if (facts.isNew) this.update()
  }
}

/** The status of a node whose settings cannot be used. */
export function misconfigured(translate: Translate): NodeStatus {
  return { fill: 'red', shape: 'ring', text: translate('status.config') }
}

/** The status for some facts; a pure function of them. */
export function statusOf(
  { delivery, token, alert, isNew }: StatusFacts,
  translate: Translate,
  now: number
): NodeStatus {
  const { state, queued, retry, lastError, lastOutcome } = delivery
  if (state === 'paused') {
    return withCode(ring('red', translate('status.paused', { queued: String(queued) })), alert)
  }
  if (alert !== undefined && (isNew || alert.code !== 'SUSPENDED')) {
    return alertStatus(alert, translate)
  }
  if (token?.state === 'none' && state !== 'idle') {
    return ring('yellow', translate('status.noToken', { code: printable(token.code) }))
  }
  if (state === 'retrying' && retry !== null) {
    const attempt = String(retry.attempts + 1)
    const text = translate('status.retrying', { cause: causeText(retry.cause, translate), attempt })
    return ring('yellow', queued > 1 ? `${text} (${queued})` : text)
  }
  if (token?.state === 'refresh failing') {
    const seconds = String(Math.max(0, Math.round((token.validUntil - now) / 1000)))
    return ring('yellow', translate('status.tokenFailing', { seconds }))
  }
  if (state === 'error') {
    const code = causeText(lastError?.code ?? '', translate)
    return ring('red', translate('status.error', { code }))
  }
  // It may last for days: it must not hide what is wrong now.
  if (alert !== undefined) return alertStatus(alert, translate)
  if (state === 'sending') {
    const text = translate('status.sending')
    return { fill: 'blue', shape: 'dot', text: queued > 0 ? `${text} (${queued})` : text }
  }
  if (lastOutcome === null) {
    return queued === 0 ? {} : ring('grey', translate('status.queued', { queued: String(queued) }))
  }
  const code = printable(lastOutcome.code)
  return lastOutcome.outcome === 'nak'
    ? ring('green', translate('status.nak', { code }))
    : { fill: 'green', shape: 'dot', text: translate('status.ack', { code }).trim() }
}

/** Why an attempt failed: `HTTP 503`, `no ACK (200)`, `ECONNREFUSED`. */
function causeText(cause: string, translate: Translate): string {
  if (!/^[1-5]\d\d$/.test(cause)) return printable(cause)
  return cause.startsWith('2') ? translate('status.noAck', { status: cause }) : `HTTP ${cause}`
}

function alertStatus(alert: Alert, translate: Translate): NodeStatus {
  const value = String(alert.value)
  const text = {
    QUEUE_COUNT: () => translate('status.queueCount', { queued: value }),
    QUEUE_WAIT: () => translate('status.queueWait', { wait: value }),
    SUSPENDED: () => translate('status.suspended', { suspended: value })
  }[alert.code]()
  return withCode(ring('yellow', text), alert)
}

/** The code lets a Status node distinguish an alert from other statuses. */
function withCode(status: NodeStatus, alert: Alert | undefined): NodeStatus {
  return alert === undefined ? status : ({ ...status, code: alert.code } as NodeStatus)
}

function ring(fill: 'red' | 'yellow' | 'grey' | 'green', text: string): NodeStatus {
  return { fill, shape: 'ring', text }
}
