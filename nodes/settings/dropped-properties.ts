import { english, type KeyUnder } from '../../src/english.ts'
import { printable } from '../../src/printable.ts'

/** A property that no longer exists: `dropped.NAME` in log.json says what became of it. */
type Dropped = KeyUnder<'log', 'dropped'>

/** What each had by default, which the forms of earlier versions saved with every node: nobody has chosen that. */
const DEFAULTS: Readonly<Record<Dropped, string | number | boolean>> = {
  alertAfter: 0
}

/**
 * What became of the properties that a flow of an earlier version has, and that are ignored now. It is said after a deploy
 * until the editor saves the flow, which leaves them out.
 *
 * @param config as the flow file has it
 */
export function droppedNotices(config: object): string[] {
  const given = config as Readonly<Record<string, unknown>>
  return Object.entries(DEFAULTS).flatMap(([name, byDefault]) => {
    const value = given[name] ?? ''
    const text = typeof value === 'object' ? '…' : String(value)
    if (text === '' || text === String(byDefault)) return []
    return [english('log', `dropped.${name as Dropped}`, { value: printable(text, 60) })]
  })
}
