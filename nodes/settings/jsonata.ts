import type { Node, NodeAPI } from 'node-red'
import { english } from '../../src/english.ts'
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
  return (input, bindings) =>
    // With its own bindings, an evaluation does not share its input with concurrent ones.
    expression.evaluate(input, {
      ...bindings,
      [DEADLINE]: performance.now() + 1000 * MOST_EVALUATION_SECONDS
    })
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
