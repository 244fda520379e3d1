import type { Node, NodeAPI } from 'node-red'
import { english } from '../../src/english.ts'
import { ExpressionError } from '../../src/hl7-over-http/expression-error.ts'
import { printable } from '../../src/printable.ts'
import {
  ExpressionTimeout,
  MOST_EVALUATION_SECONDS
} from '../../src/hl7-over-http/expression-timeout.ts'

/** A compiled expression; concurrent evaluations share nothing. */
export type Evaluate = (input: unknown, bindings?: Record<string, unknown>) => Promise<unknown>

/**
 * The names of the hook that JSONata calls before each part of an expression: a string in Node-RED
 * 4.1, a symbol in 5.
 */
const ENTRY_HOOKS = ['__evaluate_entry', Symbol.for('jsonata.__evaluate_entry')]
/** When an evaluation ends, under a name that no expression can use. */
const DEADLINE = 'deadline of this evaluation'

/** In which JSONata looks up names. */
interface Environment {
  lookup: (name: string) => unknown
}

/** The types describe an older JSONata, whose evaluation was not asynchronous. */
interface Expression {
  evaluate(input: unknown, bindings: Record<string, unknown>): Promise<unknown>
  /** Its syntax tree. */
  ast(): unknown
  assign(name: PropertyKey, value: unknown): void
}

/**
 * A JSONata expression, compiled once. An evaluation that takes longer than a second, such as
 * an endless recursion, rejects with an `ExpressionTimeout`.
 *
 * @param node whose variables and context it reads; null for a node that is not deployed
 * @param bound names of the functions that each evaluation brings along
 * @throws {UnknownFunction} if it calls a function that nobody knows
 * @throws the error of JSONata for a source that is not an expression
 */
export function compileJsonata(
  RED: NodeAPI,
  node: Node | null,
  source: string,
  bound: readonly string[] = []
): Evaluate {
  const expression = prepared(RED, node, source)
  const knows = knownNames(RED, node)
  const unknown = calledFunctions(expression.ast()).find(
    ({ name }) => !bound.includes(name) && !knows(name)
  )
  if (unknown !== undefined) throw new UnknownFunction(unknown)
  for (const name of ENTRY_HOOKS) expression.assign(name, checkDeadline)
  return async (input, bindings) => {
    try {
      // With its own bindings, an evaluation does not share its input with concurrent ones.
      return await expression.evaluate(input, {
        ...bindings,
        [DEADLINE]: performance.now() + 1000 * MOST_EVALUATION_SECONDS
      })
    } catch (error) {
      throw placed(error, source)
    }
  }
}

function prepared(RED: NodeAPI, node: Node | null, source: string): Expression {
  // Node-RED accepts a missing node; its types do not say so.
  return RED.util.prepareJSONataExpression(source, node as Node)
}

/** Where an expression calls a function. */
interface Call {
  /** Without the `$`. */
  name: string
  /** In the expression, from 1. */
  position: number
}

/** An expression calls a function that neither JSONata nor Node-RED has, nor we, nor the expression itself. */
export class UnknownFunction extends Error {
  override readonly name = 'UnknownFunction'
  readonly call: Call

  constructor(call: Call) {
    super(`$${call.name}`)
    this.call = call
  }
}

/**
 * What JSONata and Node-RED know by name. JSONata has no list of it: the hook gets what its functions are looked up in,
 * before `evaluate` returns.
 */
function knownNames(RED: NodeAPI, node: Node | null): (name: string) => boolean {
  let lookUp: Environment['lookup'] | undefined
  const nothing = prepared(RED, node, '1')
  for (const name of ENTRY_HOOKS) {
    nothing.assign(name, (_part: unknown, _input: unknown, environment: Environment) => {
      lookUp = (one) => environment.lookup(one)
    })
  }
  nothing.evaluate(undefined, {}).catch(() => undefined)
  return (name) => lookUp === undefined || lookUp(name) !== undefined
}

/** A part of a syntax tree, as far as it is read. */
interface Part {
  type?: unknown
  value?: unknown
  position?: unknown
  procedure?: Part
  lhs?: Part
  rhs?: Part
  arguments?: unknown
  focus?: unknown
  index?: unknown
}

/** The functions that an expression calls by name, but for those that it may have made itself. */
function calledFunctions(tree: unknown): Call[] {
  const calls: Call[] = []
  const own = new Set<unknown>()
  const waiting = [tree]
  // The loop also visits what is added on the way.
  for (const one of waiting) {
    if (typeof one !== 'object' || one === null) continue
    const part = one as Part
    const { type, procedure, lhs, rhs, focus, index } = part
    const called = type === 'function' || type === 'partial' ? procedure : undefined
    for (const { type: kind, value, position } of [
      called,
      type === 'apply' ? rhs : undefined
    ].flatMap((found) => found ?? [])) {
      if (kind === 'variable') calls.push({ name: String(value), position: Number(position) })
    }
    if (type === 'bind') own.add(lhs?.value)
    if (type === 'lambda') for (const { value } of part.arguments as Part[]) own.add(value)
    own.add(focus).add(index)
    for (const member of Object.values(one)) waiting.push(member)
  }
  return calls.filter(({ name }) => !own.has(name))
}

/** An error of JSONata, with the line of the expression that it is about. */
function placed(error: unknown, source: string): unknown {
  const { code, position } = error as { code?: unknown; position?: unknown }
  // JSONata gives a position to the errors of others, too.
  const isOfJsonata = typeof code === 'string' && /^[A-Z]\d{4}$/.test(code)
  if (!isOfJsonata || typeof position !== 'number') return error
  return new ExpressionError(code, lineAt(source, position))
}

/** In its field, which has one line, Node-RED keeps the line breaks of an expression as tabs. */
function lineAt(source: string, position: number): number {
  return source.slice(0, position).split(/\r\n|[\r\n\t]/).length
}

/** What is wrong with a source, by the error of JSONata, without a piece of it but the name of a function. */
export function jsonataProblem(error: unknown): string {
  if (error instanceof UnknownFunction) {
    const { name, position } = error.call
    return english('log', 'problem.jsonataFunction', { name: printable(name, 60), position })
  }
  const { code, position } = error as { code?: unknown; position?: unknown }
  return english('log', 'problem.jsonata', { code: String(code), position: Number(position) })
}

function checkDeadline(_part: unknown, _input: unknown, environment: Environment): void {
  if (performance.now() > Number(environment.lookup(DEADLINE))) throw new ExpressionTimeout()
}
