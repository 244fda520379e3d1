/** How units of time are written, in the languages of the forms; each in lower case. */
const UNITS: readonly (readonly [seconds: number, names: RegExp])[] = [
  [1, /^(?:s|secs?|seconds?|sek|sekunden?|secondes?|seg|segundos?|秒|秒間)$/],
  [60, /^(?:m|mins?|minutes?|minuten?|minutos?|分|分間|分钟)$/],
  [3600, /^(?:h|hrs?|hours?|std|stunden?|heures?|horas?|時間|小时)$/],
  [86_400, /^(?:d|days?|t|tage?n?|j|jours?|d[ií]as?|日|日間|天)$/]
]

/**
 * A length of time as people say it: `2 days`, `90 s`, `1 h 30 min`.
 *
 * @returns in seconds; undefined if it is none, such as a number without a unit
 */
export function typedDuration(text: string): number | undefined {
  const parts = [
    ...text
      .trim()
      .toLowerCase()
      .matchAll(/(\d+(?:[.,]\d+)?)\s*(\p{L}+)\.?\s*/gu)
  ]
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text.trim().toLowerCase()) {
    return undefined
  }
  let seconds = 0
  for (const [, number = '', name = ''] of parts) {
    const unit = UNITS.find(([, names]) => names.test(name))
    // `1.000 s` is a thousand to some, and one to others.
    if (unit === undefined || /^[1-9]\d{0,2}[.,]\d{3}$/.test(number)) return undefined
    seconds += Number(number.replace(',', '.')) * unit[0]
  }
  // 1.1 × 3600 is 3960.0000000000005.
  return Math.round(seconds * 1000) / 1000
}

/** So many seconds a unit of the property table has; undefined if it is no unit of time. */
export function secondsOf(unit: string | undefined): number | undefined {
  if (unit?.startsWith('seconds')) return 1
  return unit?.startsWith('days') ? 86_400 : undefined
}
