import { printable } from '../../src/printable.ts'
import { isUnset } from './properties.ts'

/** Longer contacts are cut, in characters. */
const MOST_CONTACT = 200

/** Whom to call; `''` for an environment variable that is not set, whose name would not help an operator. */
export function contactOf(contact: unknown): string {
  return typeof contact === 'string' && !isUnset(contact)
    ? printable(contact.trim(), MOST_CONTACT)
    : ''
}
