/** Times as the tab shows them: in the browser's zone, with the date unless it is today. */

/** Looks a text up; a key that there is no text for comes back as it is. */
export type Text = (key: string, values?: Record<string, string | number>) => string

const two = (value: number): string => String(value).padStart(2, '0')

/**
 * `02:41`, `02:41:58`, `24 Nov 02:41`, `24 Nov 2024 02:41`.
 *
 * @param iso as in an answer; null and what is no time give an empty string
 * @param now wall clock, milliseconds
 * @param language of the month
 */
export function clockTime(
  iso: string | null,
  now: number,
  language: string,
  seconds = false
): string {
  const at = new Date(iso ?? NaN)
  if (Number.isNaN(at.getTime())) return ''
  const time = `${two(at.getHours())}:${two(at.getMinutes())}${seconds ? `:${two(at.getSeconds())}` : ''}`
  const today = new Date(now)
  if (at.toDateString() === today.toDateString()) return time
  const date = at.toLocaleDateString(language, {
    day: 'numeric',
    month: 'short',
    ...(at.getFullYear() === today.getFullYear() ? {} : { year: 'numeric' })
  })
  return `${date} ${time}`
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** `20 s`, `31 min`, `2 h 5 min`, `9 days`: whole units, rounded down. */
export function duration(ms: number, text: Text): string {
  const left = Math.max(0, ms)
  if (left < MINUTE) return text('age.s', { n: Math.floor(left / 1000) })
  if (left < HOUR) return text('age.min', { n: Math.floor(left / MINUTE) })
  if (left < DAY) {
    const rest = Math.floor((left % HOUR) / MINUTE)
    const hours = text('age.h', { n: Math.floor(left / HOUR) })
    return rest === 0 ? hours : `${hours} ${text('age.min', { n: rest })}`
  }
  return text('age.d', { count: Math.floor(left / DAY) })
}

/** Milliseconds from now to a time; null if it is no time. */
export function until(iso: string | null, now: number): number | null {
  const at = Date.parse(iso ?? '')
  return Number.isNaN(at) ? null : at - now
}
