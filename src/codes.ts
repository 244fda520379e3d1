import type codes from '../locales/en-US/codes.json'

/**
 * The codes that users meet, from the catalogue that says what each means and what to do about it: a code that is
 * not in it does not compile. docs/, README.md and the help are made from it.
 */
export type Codes = typeof codes
