import { durationWords } from '../rules/duration-words.ts'
import type { Property } from '../settings/property-table.ts'
import { secondsOf, typedDuration } from './typed-duration.ts'

/** A number as it is typed: a length of time may have its unit, such as `15 min`. */
export function typedNumber(property: Property | undefined, value: unknown): unknown {
  if (property?.kind !== 'number' || typeof value !== 'string') return value
  const unit = secondsOf(property.unit)
  const seconds = unit === undefined ? undefined : typedDuration(value)
  return unit === undefined || seconds === undefined ? value : String(seconds / unit)
}

/** Takes a length of time as people say it, and says what the number means: 900 seconds are 15 minutes. */
export function prepareDuration(property: Property, field: EditorElements): void {
  if (secondsOf(property.unit) === undefined) return
  // A length of time has letters.
  field[0]?.removeAttribute('inputmode')
  field.on('change', () => {
    showDuration(property, field)
  })
  showDuration(property, field)
}

export function showDuration(property: Property | undefined, field: EditorElements): void {
  const input = field[0]
  const unit = secondsOf(property?.unit)
  if (!(input instanceof HTMLInputElement) || unit === undefined) return
  const typed = String(typedNumber(property, input.value))
  if (typed !== input.value) {
    input.value = typed
    field.trigger('change')
    return
  }
  const seconds = Number(typed) * unit
  const isPlain = typed.trim() === '' || Number.isNaN(seconds) || seconds < 120
  const words = isPlain || unit > 1 ? '' : `= ${durationWords(seconds, RED.i18n.lang())}`
  const shown = input.nextElementSibling?.querySelector('.hl7-https-duration')
  if (shown) shown.textContent = words
}
