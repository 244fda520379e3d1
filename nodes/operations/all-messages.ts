import { MOST_NAMED_ALIKE, type MessageQuery } from '../../src/queue/queue-types.ts'
import type { Reader } from '../../src/delivery/operator.ts'
import type { MessageRow } from '../../src/queue/message-row.ts'
import { printable } from '../../src/printable.ts'
import type { FlowMessage } from '../flow/flow-messages.ts'
import { deployedOutNodes, outParts, type OutParts } from '../flow/out-parts.ts'
import type { AllMessagesPage, NamedNode, NodeMessage } from './answers.ts'
import { askInTime } from './ask-in-time.ts'
import { messageAnswer } from './message-answers.ts'
import { nameOf } from './name-of.ts'
import { allMessagesQuery, asQuery, controlIdsIn, fieldQuery } from './queries.ts'
import type { Handlers } from './register-routes.ts'

/** What a node has not said by then is missing from the answer, in milliseconds. */
const IN_TIME_MS = 5000
/** So many control IDs are looked for in one call of the queue. */
const NAMED_AT_ONCE = 500
/** So many messages are in one answer about a list of control IDs. */
const MOST_NAMED = 20_000

/** A node that runs. */
type Running = NamedNode & { parts: OutParts }
type Ask<Page> = (reader: Reader<FlowMessage>, node: Running, signal: AbortSignal) => Promise<Page>

/** What answers the routes about the messages of all nodes. */
export const allMessagesRoutes: Handlers<'allMessages' | 'searchAllMessages'> = {
  allMessages: ({ question, gone }) => newestOfAll(allMessagesQuery(question), gone),

  searchAllMessages({ question, gone }) {
    const controlIds = controlIdsIn(question)
    if (controlIds !== undefined) return namedOfAll(controlIds, gone)
    const { field, value, ...filters } = question
    const query = allMessagesQuery(asQuery(filters))
    if (value === undefined) return newestOfAll(query, gone)
    const fields = [...new Set(runningNodes().flatMap(({ parts }) => parts.searchFields))]
    // It is said what is wrong with it, also if only some nodes could search for it.
    const wanted = fieldQuery({ field, value }, fields).values
    return newestOfAll(query, gone, wanted)
  }
}

/**
 * The newest messages of all nodes.
 *
 * @param values only those with one of these, of nodes that can be searched by one of the fields
 */
async function newestOfAll(
  query: MessageQuery,
  gone: AbortSignal,
  values?: ReturnType<typeof fieldQuery>['values']
): Promise<AllMessagesPage> {
  const valuesOf = ({ parts }: Running): NonNullable<typeof values> =>
    (values ?? []).filter(({ path }) => parts.searchFields.includes(path))
  const nodes = runningNodes().filter((node) => values === undefined || valuesOf(node).length > 0)
  const { pages, silent } = await askNodes(nodes, gone, (reader, node, signal) =>
    values === undefined
      ? reader.find(query, signal)
      : reader.findByField(valuesOf(node), query, signal)
  )
  const found = pages.flatMap(({ node, page }) => page.messages.map((row) => ({ node, row })))
  found.sort((one, other) => other.row.acceptedAt - one.row.acceptedAt)
  return {
    messages: found.slice(0, query.limit).map(nodeMessage),
    more: found.length > query.limit || pages.some(({ page }) => page.more),
    ...silent
  }
}

/** The newest messages with each of these control IDs, and which of these no node knows. */
async function namedOfAll(
  controlIds: readonly string[],
  gone: AbortSignal
): Promise<AllMessagesPage> {
  let count = 0
  const { pages, silent } = await askNodes(runningNodes(), gone, async (reader, _node, signal) => {
    const messages: MessageRow[] = []
    const known = new Set<string>()
    for (let from = 0; from < controlIds.length && !signal.aborted; from += NAMED_AT_ONCE) {
      const some = controlIds.slice(from, from + NAMED_AT_ONCE)
      const page = await reader.find({ controlIds: some, limit: some.length * MOST_NAMED_ALIKE })
      for (const row of page.messages) {
        known.add(row.controlId)
        // What is not told is not kept either: each row has its story.
        if (count++ < MOST_NAMED) messages.push({ ...row, story: [] })
      }
    }
    return { messages, known }
  })
  const known = new Set(pages.flatMap(({ page }) => [...page.known]))
  return {
    messages: pages.flatMap(({ node, page }) =>
      page.messages.map((row) => nodeMessage({ node, row }))
    ),
    more: count > MOST_NAMED,
    unknown: controlIds.filter((controlId) => !known.has(controlId)),
    ...silent
  }
}

function nodeMessage({ node, row }: { node: Running; row: MessageRow }): NodeMessage {
  return { ...messageAnswer(row), node: node.id }
}

/** Asks nodes side by side. One that is slow, or whose queue cannot be read, does not hold up the others. */
async function askNodes<Page>(
  nodes: readonly Running[],
  gone: AbortSignal,
  ask: Ask<Page>
): Promise<{
  pages: { node: Running; page: Page }[]
  silent: Pick<AllMessagesPage, 'silent'>
}> {
  const answers = await askInTime(
    nodes,
    async (node, signal) => ask(await node.parts.delivery.reader(), node, signal),
    IN_TIME_MS,
    gone
  )
  const pages = nodes.flatMap((node, index) => {
    const page = answers[index]
    return page === undefined ? [] : [{ node, page }]
  })
  const silent = nodes
    .filter((_, index) => answers[index] === undefined)
    .map(({ id, name }) => ({ id, name }))
  return { pages, silent: silent.length === 0 ? {} : { silent } }
}

function runningNodes(): Running[] {
  return [...deployedOutNodes.values()].flatMap((node) => {
    const parts = outParts.get(node)
    if (parts === undefined || !('delivery' in parts)) return []
    return [{ id: node.id, name: printable(nameOf(node.name)), parts }]
  })
}
