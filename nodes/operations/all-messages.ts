import { MOST_NAMED_ALIKE } from '../../src/queue/queue-types.ts'
import type { Reader } from '../../src/delivery/operator.ts'
import type { MessageRow } from '../../src/queue/message-row.ts'
import { printable } from '../../src/printable.ts'
import type { FlowMessage } from '../flow/flow-messages.ts'
import { deployedOutNodes, outParts, type OutParts } from '../flow/out-parts.ts'
import type { AllMessagesPage, NamedNode, NodeMessage } from './answers.ts'
import { askInTime } from './ask-in-time.ts'
import { messageAnswer } from './message-answers.ts'
import { nameOf } from './name-of.ts'
import { defined } from '../flow/left-choice.ts'
import { cursorText } from './cursor.ts'
import { allNodesQuery, fieldValues, messageQuery } from './queries.ts'
import type { Handlers } from './register-routes.ts'
import { refused } from './route-error.ts'

/** What a node has not said by then is missing from the answer, in milliseconds. */
const IN_TIME_MS = 5000
/** So many control IDs are looked for in one call of the queue. */
const NAMED_AT_ONCE = 500
/** So many messages are in one answer about a list of control IDs. */
const MOST_NAMED = 20_000

/** A node that runs. */
type Running = NamedNode & { parts: OutParts }
type Ask<Page> = (reader: Reader<FlowMessage>, node: Running, signal: AbortSignal) => Promise<Page>

/** What answers the route about the messages of all nodes. */
export const allMessagesRoutes: Handlers<'searchAllMessages'> = {
  searchAllMessages({ question, gone }) {
    const { controlIds, field, value, ...listed } = question
    if (controlIds !== undefined) {
      if (Object.keys(question).length > 1) throw refused(400, 'refusal.alone')
      return namedOfAll(controlIds, gone)
    }
    if (value === undefined) return newestOfAll(listed, gone)
    const fields = [...new Set(runningNodes().flatMap(({ parts }) => parts.searchFields))]
    // It is said what is wrong with it, also if only some nodes could search for it.
    return newestOfAll(listed, gone, fieldValues({ value, ...defined({ field }) }, fields))
  }
}

/**
 * The newest messages of all nodes.
 *
 * @param values only those with one of these, of nodes that can be searched by one of the fields
 */
async function newestOfAll(
  listed: Parameters<typeof allNodesQuery>[0],
  gone: AbortSignal,
  values?: ReturnType<typeof fieldValues>
): Promise<AllMessagesPage> {
  const valuesOf = ({ parts }: Running): NonNullable<typeof values> =>
    (values ?? []).filter(({ path }) => parts.searchFields.includes(path))
  const nodes = runningNodes().filter((node) => values === undefined || valuesOf(node).length > 0)
  const { pages, silent } = await askNodes(nodes, gone, (reader, node, signal) => {
    const query = allNodesQuery(listed, node.id)
    return values === undefined
      ? reader.find(query, signal)
      : reader.findByField(valuesOf(node), query, signal)
  })
  const found = pages.flatMap(({ node, page }) => page.messages.map((row) => ({ node, row })))
  // As a cursor goes on.
  found.sort(
    (one, other) =>
      other.row.acceptedAt - one.row.acceptedAt ||
      (one.node.id < other.node.id ? -1 : Number(one.node.id > other.node.id)) ||
      other.row.seq - one.row.seq
  )
  const { limit } = messageQuery(listed)
  const messages = found.slice(0, limit).map(nodeMessage)
  const more = found.length > limit || pages.some(({ page }) => page.more)
  const last = messages.at(-1)
  return {
    messages,
    more,
    ...(more && last !== undefined && { next: cursorText(last, last.node) }),
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
