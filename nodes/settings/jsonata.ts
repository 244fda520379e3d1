import type { Node, NodeAPI } from 'node-red'
import { english } from '../../src/english.ts'
import { ExpressionError } from '../../src/https/expression-error.ts'
import { ExpressionTimeout, MOST_EVALUATION_SECONDS } from '../../src/https/expression-timeout.ts'

/** A compiled expression; concurrent evaluations share nothing. */
export type Evaluate = (input: unknown, bindings?: Record<string, unknown>) => Promise<unknown>

/**
 * The names of the hook that JSONata calls before each part of an expression: a string in Node-RED
 * 4.1, a symbol in 5.
 */
const ENTRY_HOOKS = ['__evaluate_entry', Symbol.for('jsonata.__evaluate_entry')]
/** When an evaluation ends, under a name that no expression can use. */
const DEADLINE = 'deadline of this evaluation'

/** The types describe an older JSONata, whose evaluation was not asynchronous. */
interface Expression {
  evaluate(input: unknown, bindings: Record<string, unknown>): Promise<unknown>
  assign(name: PropertyKey, value: unknown): void
}

/**
 * A JSONata expression, compiled once. An evaluation that takes longer than a second, such as
 * an endless recursion, rejects with an `ExpressionTimeout`.
 *
 * @param node whose variables and context it reads; null for a node that is not deployed
 * @throws the error of JSONata for a source that is not an expression
 */
export function compileJsonata(RED: NodeAPI, node: Node | null, source: string): Evaluate {
  // Node-RED accepts a missing node; its types do not say so.
  const expression: Expression = RED.util.prepareJSONataExpression(source, node as Node)
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

/** What is wrong with a source, by the error of JSONata, without a piece of it. */
export function jsonataProblem(error: unknown): string {
  const { code, position } = error as { code?: unknown; position?: unknown }
  return english('log', 'problem.jsonata', { code: String(code), position: Number(position) })
}

function checkDeadline(
  _part: unknown,
  _input: unknown,
  environment: { lookup: (name: string) => unknown }
): void {
  if (performance.now() > Number(environment.lookup(DEADLINE))) throw new ExpressionTimeout()
}
