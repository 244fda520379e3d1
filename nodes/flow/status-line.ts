import type { Node, NodeStatus } from 'node-red'
import type { ConditionCode, Level } from '../../src/codes.ts'
import type { ConditionFacts } from './condition-facts.ts'
import { CONFIG, ROWS, type Fill } from './condition-table.ts'
import { BESIDE, CONDITION_CODES, type Condition } from './conditions.ts'
import type { Translate } from './status-texts.ts'

/** The mark before the text of a status. */
interface Dot {
  fill: Fill
  shape: 'dot' | 'ring'
}

/** A status as this node shows it. */
export interface CodedStatus extends NodeStatus {
  /** By this name a Status node tells one status from another: the first of `codes` that is none of `BESIDE`. */
  code: ConditionCode
  /** All that hold, in the order of `CONDITION_CODES`; behind those of `BESIDE` alone, `IDLE`. */
  codes: ConditionCode[]
  /** Of the most urgent of them. */
  level: Level
  /** Those of them that need somebody. */
  calls: ConditionCode[]
}

/** Every code of a status with its dot, in the order in which the codes count. */
export const STATUS_DOTS: ReadonlyMap<ConditionCode, Dot> = new Map(
  [CONFIG, ...ROWS].map(({ code, look }) => [code, dot(look.fill)])
)

/** Most characters of a text to which another is added that need not be there. */
const MOST_CHARACTERS = 40

/** The least time between two statuses, in milliseconds: each goes to every open editor. */
const MIN_INTERVAL_MS = 100

/** The line of text and the dot under a node. Changes in quick succession are shown as one. */
export class StatusLine {
  readonly #node: Node
  readonly #read: () => CodedStatus
  #shown = ''
  #timer: NodeJS.Timeout | undefined
  #isClosed = false
  /** On the monotonic clock: a wall clock set back would delay the status for as long. */
  #lastShown = -Infinity

  /** @param read the present status */
  constructor(node: Node, read: () => CodedStatus) {
    this.#node = node
    this.#read = read
  }

  /** The facts may have changed. */
  update(): void {
    if (this.#timer !== undefined || this.#isClosed) return
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
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#node.status({})
  }

  #show(): void {
    this.#lastShown = performance.now()
    const status = this.#read()
    const shown = JSON.stringify(status)
    if (shown === this.#shown) return
    this.#shown = shown
    this.#node.status(status)
  }
}

/**
 * The status of a node whose settings cannot be used.
 *
 * @param unset environment variables without a value
 */
export function misconfigured(
  conditions: readonly Pick<Condition, 'code' | 'level'>[],
  translate: Translate,
  unset: readonly string[] = []
): CodedStatus {
  const { code, look } = CONFIG
  const codes = CONDITION_CODES.filter((one) => conditions.some((held) => held.code === one))
  const text = look.text(unset, translate)
  return { ...dot(look.fill), text, code, codes, ...urgency(conditions) }
}

function urgency(
  conditions: readonly Pick<Condition, 'code' | 'level'>[]
): Pick<CodedStatus, 'level' | 'calls'> {
  const [first] = conditions
  const calls = conditions.filter(({ level }) => level === 'call').map(({ code }) => code)
  return { level: first?.level ?? 'fine', calls }
}

/** The status for the conditions that hold, the most urgent first; a pure function of its arguments. */
export function nodeStatus(
  conditions: readonly Pick<Condition, 'code' | 'level' | 'row'>[],
  facts: ConditionFacts,
  translate: Translate
): CodedStatus {
  const held = ROWS.filter((row) => conditions.some((one) => one.row === row))
  const holding = held.map((row) => row.code)
  const code = holding.find((one) => !BESIDE.has(one)) ?? 'IDLE'
  const codes = holding.includes(code) ? holding : [...holding, code]
  const looks = held.map(({ look }) => look)
  const fill = looks.some((look) => look.fill === 'red') ? 'red' : (looks[0]?.fill ?? 'grey')
  const [first, ...others] = [...looks]
    .sort((a, b) => a.rank - b.rank)
    .map((look) => ({ ...look, said: look.text(facts, translate) }))
  let text = first?.said ?? ''
  for (const { beside, said } of others) {
    const longer = `${text} · ${said}`
    const fits = beside === 'always' || (beside !== undefined && longer.length <= MOST_CHARACTERS)
    // A message that failed is often followed by one that is retried for the same cause.
    if (fits && !text.startsWith(said)) text = longer
  }
  const all = { code, codes, ...urgency(conditions) }
  return text === '' ? all : { ...dot(fill), text, ...all }
}

/** Full while all is well. */
function dot(fill: Fill): Dot {
  return { fill, shape: fill === 'blue' || fill === 'green' ? 'dot' : 'ring' }
}
