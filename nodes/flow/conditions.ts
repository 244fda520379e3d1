import type { ConditionCode, Level } from '../../src/codes.ts'
import type { DeliveryState } from '../../src/delivery/delivery-state.ts'
import type { Told } from '../../src/told.ts'
import type { ConditionFacts } from './condition-facts.ts'
import { CONFIG, ROWS, STOPPED, turnedAwayLevel, type Row } from './condition-table.ts'
import { turnedAwayTold, type TurnedAwayNow } from './turned-away.ts'

/** A condition that holds. */
export interface Condition {
  row: Row
  code: ConditionCode
  level: Level
  /** Wall clock, milliseconds. */
  since: number
  /** What it is, in a sentence. */
  told: Told
}

const ALL: readonly { code: ConditionCode; level: unknown }[] = [CONFIG, ...ROWS, STOPPED]

/** Every code of a deployed node, in order. */
export const CONDITION_CODES: readonly ConditionCode[] = [...new Set(ALL.map(({ code }) => code))]

/** Codes that are never the `code` of a status: flows that were made before go on as they did. */
export const BESIDE: ReadonlySet<ConditionCode> = new Set(
  ROWS.filter(({ isOnlyInCodes }) => isOnlyInCodes).map(({ code }) => code)
)

/** The levels that a code can have. */
export function levelsOf(code: ConditionCode): readonly Level[] {
  const level = ALL.find((row) => row.code === code)?.level
  return typeof level === 'string' ? [level as Level] : ['call', 'watch']
}

const RANK: Readonly<Record<Level, number>> = { call: 0, watch: 1, fine: 2 }

/**
 * The conditions that hold, the most urgent first; never empty.
 *
 * @param since since when a code has held, by what was seen so far
 */
export function conditionsOf(
  facts: ConditionFacts,
  since: (code: ConditionCode) => number
): Condition[] {
  const held: Condition[] = []
  const isPausedUntil = facts.delivery.paused?.until !== undefined
  for (const row of ROWS) {
    const { code, level, isExpectedInPause = false } = row
    if (!row.holds(facts, held.length) || (isPausedUntil && isExpectedInPause)) continue
    const from = row.since?.(facts) ?? since(code)
    held.push({
      row,
      code,
      level: typeof level === 'string' ? level : level(facts, facts.now - from),
      since: from,
      told: row.told(facts)
    })
  }
  const place = ({ level, row }: Condition): number =>
    RANK[level] + (row.isToldLast?.(facts) === true ? 0.5 : 0)
  return held.sort((a, b) => place(a) - place(b))
}

/**
 * Since when what page and tab say first: a condition that has no word of its own is shown by what the node does.
 *
 * @param conditions that hold, the most urgent first
 */
export function shownSince(
  conditions: readonly Condition[],
  state: DeliveryState['state']
): number | undefined {
  const [first] = conditions
  if (first?.row.shown !== 'what it does') return first?.since
  return (conditions.find(({ code }) => code === state.toUpperCase()) ?? first).since
}

/** What is known of a node whose settings cannot be used. */
export interface ConfigFacts {
  problems: readonly string[]
  /** Since when: wall clock, milliseconds. */
  since: number
  /** Messages came in, or wait. */
  isUsed: boolean
  turnedAway: TurnedAwayNow | undefined
}

/** The conditions of such a node, the most urgent first. */
export function configConditions(facts: ConfigFacts): Omit<Condition, 'row'>[] {
  const { isUsed, problems, since, turnedAway } = facts
  const { code, level, told } = CONFIG
  const config = { code, level: level(isUsed), since, told: told(problems) }
  if (turnedAway === undefined) return [config]
  const besides = {
    code: 'TURNED_AWAY',
    level: turnedAwayLevel(turnedAway),
    since: turnedAway.since,
    told: turnedAwayTold(turnedAway)
  } as const
  return [config, besides].sort(byUrgency)
}

/** What comes first of two nodes, by their most urgent conditions. */
export function byUrgency(a: Pick<Condition, 'code' | 'level'>, b: typeof a): number {
  const place = ({ code }: typeof a): number => CONDITION_CODES.indexOf(code)
  return RANK[a.level] - RANK[b.level] || place(a) - place(b)
}
