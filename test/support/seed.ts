import { randomInt } from 'node:crypto'

/**
 * The seed of tests that draw random numbers: always the same, unless `HL7_SEED` says otherwise. It is `random`, as at
 * night, or the number that a failure has printed: so a failure has to print it.
 *
 * @throws {Error} if it is neither: a loop over seeds that are no numbers would test nothing, and pass
 */
export function seedOr(usual: number, chosen = process.env['HL7_SEED']): number {
  if (chosen === undefined) return usual
  if (chosen === 'random') return randomInt(2 ** 31)
  const seed = Number(chosen)
  if (chosen.trim() === '' || !Number.isSafeInteger(seed)) {
    throw new Error(`HL7_SEED is a whole number or "random", not "${chosen}".`)
  }
  return seed
}
