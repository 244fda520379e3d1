/** Days of the week as `Date` counts them. */
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const

const DAY_MINUTES = 24 * 60
/** Windows that follow one another are one, as far back as this, in days. */
const MOST_DAYS_BACK = 15

/** A time of the week: on these days, from one minute of the day to another; over midnight if that is not later. */
interface TimeWindow {
  days: ReadonlySet<number>
  from: number
  to: number
}

const DAY = `(?:${DAYS.join('|')})`
const ENTRY = new RegExp(
  `^(?:(${DAY})(?:-(${DAY}))?)?\\s*(?:(\\d\\d):(\\d\\d)-(\\d\\d):(\\d\\d))?$`,
  'i'
)

/**
 * Reads times such as `Mon-Fri 07:00-19:00, Sat 08:00-12:00`: days, or times of each day, or both.
 *
 * @returns undefined if a part of it is no time; empty for an empty text
 */
export function parseTimes(text: string): TimeWindow[] | undefined {
  if (text.trim() === '') return []
  const windows = text.split(',').map((part) => windowOf(part.trim()))
  return windows.every((one) => one !== undefined) ? windows : undefined
}

function windowOf(part: string): TimeWindow | undefined {
  const found = part === '' ? null : ENTRY.exec(part)
  if (found === null) return undefined
  const [, first, last, ...clock] = found
  const [from, to] =
    clock[0] === undefined
      ? [0, DAY_MINUTES]
      : [minutes(clock[0], clock[1]), minutes(clock[2], clock[3])]
  if (from === undefined || to === undefined || from === to) return undefined
  return { days: daysFrom(first, last), from, to }
}

/** Undefined for a time that no clock shows. */
function minutes(hours = '', rest = ''): number | undefined {
  const at = Number(hours) * 60 + Number(rest)
  return Number(rest) < 60 && at <= DAY_MINUTES ? at : undefined
}

function daysFrom(first: string | undefined, last = first): Set<number> {
  const dayOf = (name: string): number =>
    DAYS.findIndex((day) => day.toLowerCase() === name.toLowerCase())
  if (first === undefined || last === undefined) return new Set(DAYS.keys())
  const days = new Set([dayOf(last)])
  for (let day = dayOf(first); day !== dayOf(last); day = (day + 1) % 7) days.add(day)
  return days
}

/** Tells when too long nothing has come in, at times at which something should. */
export class Inactivity {
  readonly #limitMs: number
  readonly #times: readonly TimeWindow[]

  /** @param times empty: always */
  constructor(limitSeconds: number, times: readonly TimeWindow[]) {
    this.#limitMs = limitSeconds * 1000
    this.#times = times
  }

  /**
   * For how long nothing has come in, in seconds, if that is too long; else undefined. Time outside of the times does
   * not count.
   *
   * @param lastInAt when the last message came in: wall clock, milliseconds
   * @param now wall clock, milliseconds
   */
  quietSeconds(lastInAt: number, now: number): number | undefined {
    const from = this.#times.length === 0 ? -Infinity : this.#begin(now)
    if (from === undefined || now - Math.max(from, lastInAt) < this.#limitMs) return undefined
    return Math.floor((now - lastInAt) / 1000)
  }

  /** When the times began in which this moment is; undefined if it is in none. */
  #begin(at: number): number | undefined {
    let begin: number | undefined
    for (let back = 0; back < MOST_DAYS_BACK; back++) {
      const earlier = this.#beginOf(begin === undefined ? at : begin - 1)
      if (earlier === undefined) break
      begin = earlier
    }
    return begin
  }

  #beginOf(at: number): number | undefined {
    const begins = this.#times.flatMap(({ days, from, to }) =>
      [0, -1].flatMap((offset) => {
        const day = new Date(at)
        day.setHours(0, 0, 0, 0)
        day.setDate(day.getDate() + offset)
        if (!days.has(day.getDay())) return []
        const begin = new Date(day).setMinutes(from)
        const end = new Date(day).setMinutes(to > from ? to : to + DAY_MINUTES)
        return begin <= at && at < end ? [begin] : []
      })
    )
    return begins.length === 0 ? undefined : Math.min(...begins)
  }
}
