import type { HistoryMinute } from '../../operations/answers.ts'

/** What the pictures show. */
export const FIGURES = ['acked', 'naked', 'failed', 'queued', 'p95'] as const
export type Figure = (typeof FIGURES)[number]

/** A picture has so many columns; each has a bar one unit wide. */
export const COLUMNS = 60
export const HEIGHT = 16

/** The figures of one picture. */
export interface Series {
  /** One for each column, oldest first. */
  columns: number[]
  /** Of counters all together; of the others the last one. */
  figure: number
  /** The largest of a minute. */
  most: number
}

/** What grows minute by minute is added up; of the others the largest counts. */
const isCounter = (figure: Figure): boolean => figure !== 'queued' && figure !== 'p95'

/** The minutes of a history as the columns of a picture, several to a column if there are more. */
export function seriesOf(minutes: readonly HistoryMinute[], figure: Figure): Series {
  const values = minutes.map((minute) => Math.max(0, minute[figure]))
  const perColumn = Math.max(1, Math.ceil(values.length / COLUMNS))
  const columns: number[] = []
  // From the end: the last column is whole, the first one may have fewer minutes.
  for (let end = values.length; end > 0; end -= perColumn) {
    const some = values.slice(Math.max(0, end - perColumn), end)
    columns.unshift(
      isCounter(figure) ? some.reduce((sum, value) => sum + value, 0) : Math.max(...some)
    )
  }
  return {
    columns,
    figure: isCounter(figure)
      ? values.reduce((sum, value) => sum + value, 0)
      : // While nothing is sent there is no latency: the last that there was.
        ((figure === 'p95' ? values.findLast((value) => value > 0) : values.at(-1)) ?? 0),
    most: Math.max(0, ...values)
  }
}

/** The bars of a picture as the `d` of an SVG path; the highest is as high as the picture. */
export function bars(columns: readonly number[]): string {
  const highest = Math.max(...columns)
  if (!(highest > 0)) return ''
  const first = COLUMNS - columns.length
  return columns
    .flatMap((value, index) => {
      if (value <= 0) return []
      // The smallest can still be seen.
      const height = Math.max(1.5, (value / highest) * HEIGHT)
      return [`M${first + index + 0.5} ${HEIGHT}v-${Number(height.toFixed(1))}`]
    })
    .join('')
}
