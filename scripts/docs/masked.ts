import { SEEN, type Sight } from '../../src/hl7/masking.ts'
import { table } from './table.ts'

const WORDS: Record<Sight, string> = {
  separators: 'as it is',
  all: 'as it is',
  setId: 'if it has at most four digits, and nothing else',
  acknowledgementCode: 'if it is two letters',
  severity: 'if it is one letter',
  place: 'a segment and numbers, and the code in ERR-1.4',
  code: 'codes, with the name of their coding system',
  errorCode: 'codes of table 0357, and others with the name of their coding system',
  class: 'codes, with the name of their coding system; alone, if it is one letter'
}

/** What may be seen in messages that are taken out. */
export function maskedTable(): string {
  const fields = new Map(Object.values(WORDS).map((words): [string, string[]] => [words, []]))
  for (const [segment, sights] of Object.entries(SEEN)) {
    for (const [number, sight] of Object.entries(sights)) {
      fields.get(WORDS[sight])?.push(`${segment}-${number}`)
    }
  }
  return table(
    ['fields', 'what may be seen'],
    [...fields].map(([words, names]) => [names.join(', '), words])
  )
}
