import { english, type KeyUnder } from '../../src/english.ts'
import { printable } from '../../src/printable.ts'

type Scalar = string | number | boolean

/**
 * The properties that no longer exist, each with what it was by default: the forms of earlier versions saved that with
 * every node, and nobody has chosen it. `dropped.NAME` in log.json says what became of it.
 */
const DROPPED: readonly (readonly [name: KeyUnder<'log', 'dropped'>, byDefault: Scalar])[] = [
  ['alertAfter', 0],
  ['defaultLifetime', 300],
  ['refreshOnStatus', '401']
]

/**
 * What became of the properties that a flow of an earlier version has, and that are ignored now. It is said after a deploy
 * until the editor saves the flow, which leaves them out.
 *
 * @param config as the flow file has it
 */
export function droppedNotices(config: object): string[] {
  const given = config as Readonly<Record<string, Scalar | object | null | undefined>>
  return DROPPED.flatMap(([name, byDefault]) => {
    const value = given[name] ?? ''
    const text = typeof value === 'object' ? '…' : String(value)
    if (text === '' || text === String(byDefault)) return []
    return [english('log', `dropped.${name}`, { value: printable(text, 60) })]
  })
}
