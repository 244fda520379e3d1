const UNITS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60]
] as const

/**
 * A length of time as people say it: 900 seconds are 15 minutes, 100 seconds stay 100 seconds.
 *
 * @param language of the reader
 */
export function durationWords(seconds: number, language: string): string {
  const [unit, of] = UNITS.find(([, one]) => seconds >= one && seconds % one === 0) ?? ['second', 1]
  return new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'short' }).format(
    seconds / of
  )
}
