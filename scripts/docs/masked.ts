import { KEPT_RESULTS, MASKED } from '../../src/hl7/masking.ts'
import { inCode, table } from './table.ts'

/** What is masked in messages that are taken out. */
export function maskedTable(): string {
  const rows = Object.entries(MASKED).map(([segment, rule]) => {
    const { codes = [], dates = [], fields, ids = [], places = [] } = rule
    const named = (numbers: readonly number[]): string =>
      numbers.map((number) => `${segment}-${number}`).join(', ')
    const masked =
      'only' in fields
        ? named(fields.only)
        : fields.allBut.length === 0
          ? 'all'
          : `all but ${named(fields.allBut)}`
    const more = segment === 'OBX' ? `unless OBX-2 is ${[...KEPT_RESULTS].sort().join(', ')}` : ''
    const kept = [...places, ...codes].sort((one, other) => one - other)
    const cells = [[masked, more].filter(Boolean).join(', '), named(dates), named(ids), named(kept)]
    return [inCode(segment), ...cells]
  })
  return table(
    ['segment', 'masked', 'of these, dates', 'of these, numbers', 'of these, codes and places'],
    [...rows, ['`Z…`', 'all', '', '', ''], ['lines that are no segments', 'all', '', '', '']]
  )
}
