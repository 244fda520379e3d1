import { english, type KeyUnder } from '../../src/english.ts'
import { printable } from '../../src/printable.ts'

type Scalar = string | number | boolean
type Given = Readonly<Record<string, Scalar | object | null | undefined>>

type DroppedName = Exclude<KeyUnder<'forms', 'dropped'>, 'said'>

/**
 * The properties that no longer exist, each with the value of which nothing is said: what it was by default, because the
 * forms of earlier versions saved that with every node, and nobody has chosen it; or what now holds for all.
 * `dropped.NAME` in both-forms.json says what became of another one.
 */
const DROPPED: readonly (readonly [
  name: DroppedName,
  nothingToSay: Scalar,
  isUsed?: (given: Given) => boolean
])[] = [
  ['alertAfter', 0],
  ['method', 'POST'],
  ['replyEncoding', 'auto'],
  [
    'backupShares',
    true,
    ({ backupUrl }) => typeof backupUrl === 'string' && backupUrl.trim() !== ''
  ],
  ['defaultLifetime', 300],
  ['refreshOnStatus', '401']
]

/**
 * The properties that a flow of an earlier version has, and that are ignored now; each with its value.
 *
 * @param config as the flow file has it
 */
export function droppedProperties(config: object): { name: DroppedName; value: string }[] {
  const given = config as Given
  return DROPPED.flatMap(([name, nothingToSay, isUsed]) => {
    const value = given[name] ?? ''
    const text = typeof value === 'object' ? '…' : String(value)
    if (text === '' || text === String(nothingToSay) || isUsed?.(given) === false) return []
    return [{ name, value: printable(text, 60) }]
  })
}

/** What became of them: said after a deploy until the editor saves the flow, which leaves them out. */
export function droppedNotices(config: object): string[] {
  return droppedProperties(config).map(({ name, value }) =>
    english('forms', `dropped.${name}`, { value })
  )
}

/** The backup was another system, as a flow of an earlier version says: only a person may switch to it. */
export function isOtherSystem(config: object): boolean {
  const { backupShares } = config as Given
  return backupShares === false || backupShares === 'false'
}

/** What cannot be done without, in words: with POST, a server that wants PUT does something else, or nothing. */
export function droppedProblems(config: object): string[] {
  const { method } = config as { method?: unknown }
  return method === 'PUT' ? [english('log', 'problem.methodPut')] : []
}
