/** Times as the tab shows them: in the browser's zone, with the date unless it is today. */

import type { TabText } from '../../../src/told.ts'

/** Looks a text up; a key that there is no text for comes back as it is. */
export type Text = TabText

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
  const format = dateFormat(language, at.getFullYear() !== today.getFullYear())
  return `${format.format(at)} ${time}`
}

const formats = new Map<string, Intl.DateTimeFormat>()

/** Made once: that takes longer than all else in a row of a table. */
function dateFormat(language: string, hasYear: boolean): Intl.DateTimeFormat {
  const key = `${language} ${hasYear}`
  let format = formats.get(key)
  if (format === undefined) {
    format = new Intl.DateTimeFormat(language, {
      day: 'numeric',
      month: 'short',
      ...(hasYear ? { year: 'numeric' } : {})
    })
    formats.set(key, format)
  }
  return format
}

/** A time as a field of a form has it, in the browser's zone: `2026-11-25T02:41`. */
export function fieldTime(ms: number): string {
  const at = new Date(ms)
  const date = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join('-')
  return `${date}T${two(at.getHours())}:${two(at.getMinutes())}`
}

/** What stands in such a field, as ISO 8601; `''` if it is no time. */
export function fieldIso(value: string): string {
  const at = new Date(value)
  return value === '' || Number.isNaN(at.getTime()) ? '' : at.toISOString()
}

/** Milliseconds from now to a time; null if it is no time. */
export function until(iso: string | null, now: number): number | null {
  const at = Date.parse(iso ?? '')
  return Number.isNaN(at) ? null : at - now
}
