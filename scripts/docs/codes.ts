/** The tables of the codes in `locales/en-US/codes.json`: what happened, and what to do. */
import codes from '../../locales/en-US/codes.json' with { type: 'json' }
import { CONDITION_CODES, levelsOf } from '../../nodes/flow/conditions.ts'
import { QUEUE_EVENT_KINDS } from '../../src/queue/queue-event.ts'
import { inCode, table } from './table.ts'

const CATALOGUE = 'locales/en-US/codes.json'

interface Entry {
  meaning: string
  /** What is not said in an error, but in the documentation: of the meaning, and of the remedy. */
  detail?: string
  remedy: string
  more?: string
}

/** The lines of each table, by its name. */
export const CODE_TABLES = {
  errors: () => entries('`msg.error.code`', codes.error),
  'causes-connection': () => causes(codes.cause.connection),
  'causes-tls': () => causes(codes.cause.tls),
  'causes-http': () => causes(codes.cause.http),
  'causes-token': () => causes(codes.cause.token),
  'causes-queue': () => causes(codes.cause.queue),
  statuses: () => {
    const rows = inOrder(CONDITION_CODES, codes.status).map(
      ([code, { shown, meaning, remedy }]) => [
        inCode(code),
        levelsOf(code).join(', '),
        shown.map(inCode).join(', '),
        meaning,
        remedy
      ]
    )
    return table(['`code`', 'level', 'the node shows', 'what it means', 'what to do'], rows)
  },
  events: () => {
    const kinds = inOrder(QUEUE_EVENT_KINDS, codes.event)
    const [plain = [], told = []] = [true, false].map((isPlain) =>
      kinds.filter(([, meaning]) => (meaning === '') === isPlain)
    )
    const rows = told.map(([kind, meaning]) => [inCode(kind), meaning])
    return `The names of most say what happened: ${plain.map(([kind]) => inCode(kind)).join(', ')}.

${table(['`kind`', 'what happened'], rows)}`
  }
}

function causes(of: Readonly<Record<string, Entry>>): string {
  return entries('`msg.error.cause.code`', of)
}

/** A key may name several codes that mean the same. */
function entries(head: string, of: Readonly<Record<string, Entry>>): string {
  const rows = Object.entries(of).map(([key, { meaning, detail, remedy, more }]) => [
    key.split(' ').map(inCode).join(' '),
    detail === undefined ? meaning : `${meaning}. ${detail}`,
    more === undefined ? remedy : `${remedy}. ${more}`
  ])
  return table([head, 'what happened', 'what to do'], rows)
}

/**
 * The texts in the order of the codes, which is that of the code.
 *
 * @throws for a code without a text, and for a text without a code
 */
function inOrder<Code extends string, Text>(
  order: readonly Code[],
  texts: Readonly<Record<Code, Text>>
): [Code, Text][] {
  const unused = Object.keys(texts).filter((code) => !order.some((known) => known === code))
  if (unused.length > 0) throw new Error(`There is no code ${unused.join(', ')}.`)
  const missing = order.filter((code) => !Object.hasOwn(texts, code))
  if (missing.length > 0) throw new Error(`${CATALOGUE} has no entry ${missing.join(', ')}.`)
  return order.map((code) => [code, texts[code]])
}
