import { english } from './english.ts'
import { toldText, type Told } from './told.ts'

/** What operators are told, in English: for the log, for scripts and for monitoring. */
export function toldInEnglish(told: Told): string {
  return toldText(told, (key, values) => english('tab', key, values))
}
