import type { HistoryMinute } from '../answers.ts'

/** What the pictures show. */
export const FIGURES = ['acked', 'naked', 'failed', 'turnedAway', 'queued', 'p95'] as const
export type Figure = (typeof FIGURES)[number]

/** A picture has so many columns; each has a bar one unit wide. */
export const COLUMNS = 60
export const HEIGHT = 16

const MINUTE = 60_000

/** The figures of one picture. */
export interface Series {
  /** One for each column, oldest first; null where nothing is known. */
  columns: (number | null)[]
  /** Of counters all together; of the others the last one. */
  figure: number
  /** The largest of a minute. */
  most: number
}

/** What grows minute by minute is added up; of the others the largest counts. */
const isCounter = (figure: Figure): boolean => figure !== 'queued' && figure !== 'p95'

/**
 * The minutes of a history as the columns of a picture, several to a column if there are more.
 *
 * @param range how many minutes the picture shows
 * @param now its end, wall clock, milliseconds
 */
export function seriesOf(
  minutes: readonly HistoryMinute[],
  figure: Figure,
  range: number,
  now: number
): Series {
  const perColumn = range / COLUMNS
  const columns = Array.from({ length: COLUMNS }, (): number | null => null)
  const values: number[] = []
  for (const minute of minutes) {
    const ago = (now - Date.parse(minute.at)) / MINUTE
    const column = COLUMNS - 1 - Math.floor(ago / perColumn)
    // The minute that began just outside.
    if (!(column >= -1 && column < COLUMNS)) continue
    const at = Math.max(0, column)
    const value = Math.max(0, minute[figure])
    // There was no reply.
    if (figure === 'p95' && value === 0) continue
    const before = columns[at]
    values.push(value)
    columns[at] = isCounter(figure) ? (before ?? 0) + value : Math.max(before ?? 0, value)
  }
  return {
    columns,
    figure: isCounter(figure)
      ? values.reduce((sum, value) => sum + value, 0)
      : (values.at(-1) ?? 0),
    most: Math.max(0, ...values)
  }
}

/** The minutes of a day, the newest of which are those of the hour: the day is asked for less often. */
export function withNewest(
  day: readonly HistoryMinute[],
  hour: readonly HistoryMinute[]
): HistoryMinute[] {
  const [first] = hour
  return first === undefined ? [...day] : [...day.filter(({ at }) => at < first.at), ...hour]
}

/** The bars of a picture as the `d` of an SVG path; the highest is as high as the picture. */
export function bars(columns: Series['columns']): string {
  const highest = Math.max(...columns.map((value) => value ?? 0))
  if (!(highest > 0)) return ''
  return columns
    .flatMap((value, index) => {
      if (value === null || value <= 0) return []
      // The smallest can still be seen.
      const height = Math.max(1.5, (value / highest) * HEIGHT)
      return [`M${index + 0.5} ${HEIGHT}v-${Number(height.toFixed(1))}`]
    })
    .join('')
}

/** The ground of a picture: there is none where nothing is known. */
export function ground(columns: Series['columns']): string {
  return columns
    .flatMap((value, index) => (value === null ? [] : [`M${index} ${HEIGHT - 0.5}h1`]))
    .join('')
}
