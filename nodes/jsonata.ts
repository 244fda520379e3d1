import type { Node, NodeAPI } from 'node-red'
import { ExpressionLimit, MOST_EVALUATION_MS } from '../src/https/expression-limit.ts'

/** A compiled expression; concurrent evaluations share nothing. */
export type Evaluate = (input: unknown, bindings?: Record<string, unknown>) => Promise<unknown>

/** Parts of an expression in progress at a time: about 3000 levels, or groups in parallel. */
const MOST_PARTS = 10_000
/** Values in a list that a part of an expression returns. */
const MOST_VALUES = 1_000_000
/** Values in a list for a function whose time or memory grows with the square of their number. */
const MOST_VALUES_SQUARED = 10_000

/** JSONata functions that loop internally, and the longest list that they may get. */
const loops = new Map([
  ...['map', 'filter', 'single', 'reduce', 'each', 'sift'].map(
    (name) => [name, MOST_VALUES] as const
  ),
  ...['sort', 'distinct'].map((name) => [name, MOST_VALUES_SQUARED] as const)
])

/**
 * The names under which JSONata looks up the hooks that it calls before and after each part of an
 * expression: a string in Node-RED 4.1, a symbol in 5.
 */
const hooks = (name: string): PropertyKey[] => [name, Symbol.for(`jsonata.${name}`)]
const ENTRY = hooks('__evaluate_entry')
const EXIT = hooks('__evaluate_exit')
/** The remaining budget of an evaluation is bound to a name that no expression can use. */
const BUDGET = 'budget of this evaluation'

interface Environment {
  lookup(name: string): unknown
}

/** A function of JSONata as an expression sees it. */
interface BuiltIn {
  implementation: (this: { environment: Environment }, ...args: unknown[]) => unknown
}

/** The types describe an older JSONata, whose evaluation was not asynchronous. */
interface Expression {
  evaluate(input: unknown, bindings: Record<string, unknown>): Promise<unknown>
  assign(name: PropertyKey, value: unknown): void
}

/**
 * A JSONata expression, compiled once. An evaluation rejects with an `ExpressionLimit` when it takes
 * more than 250 ms of the event loop, which it does not give back before it ends, or is nested
 * without end.
 *
 * @param node whose variables and context it reads; null for a node that is not deployed
 * @throws the error of JSONata for a source that is not an expression
 */
export function compileJsonata(RED: NodeAPI, node: Node | null, source: string): Evaluate {
  // Node-RED accepts a missing node; its types do not say so.
  const compile = (text: string): Expression =>
    RED.util.prepareJSONataExpression(text, node as Node)
  const expression = compile(source)
  for (const name of ENTRY) expression.assign(name, enter)
  for (const name of EXIT) expression.assign(name, exit)

  let limiting: Promise<void> | undefined
  const limitLoops = async (): Promise<void> => {
    for (const [name, most] of loops) {
      const builtIn = (await compile(`$${name}`).evaluate(undefined, {})) as BuiltIn
      expression.assign(name, limited(builtIn, most))
    }
  }

  return async (input, bindings) => {
    await (limiting ??= limitLoops())
    const budget = new Budget()
    try {
      // With its own bindings, an evaluation does not share its input with concurrent ones.
      return await expression.evaluate(input, { ...bindings, [BUDGET]: budget })
    } catch (error) {
      // `$eval` turns it into another error.
      throw budget.limit ?? error
    }
  }
}

/** Node.js 22 may not have it. */
const { threadCpuUsage } = process as Partial<Pick<NodeJS.Process, 'threadCpuUsage'>>

/** CPU milliseconds that the event loop's thread has used since `start`; undefined if unknown. */
function cpuMs(start: NodeJS.CpuUsage | undefined): number | undefined {
  const used = start && threadCpuUsage?.(start)
  return used && (used.user + used.system) / 1000
}

/** The remaining budget of one evaluation. */
class Budget {
  /** Up to here the time is charged to one evaluation or another. */
  static #chargedTo = 0
  /** Why it was stopped. */
  limit: ExpressionLimit | undefined
  readonly #start = threadCpuUsage?.()
  #leftMs = MOST_EVALUATION_MS
  #parts = 0

  constructor() {
    Budget.#chargedTo = performance.now()
  }

  /** When evaluations take turns, each is charged for the time up to its turn. */
  charge(): void {
    const now = performance.now()
    this.#leftMs -= now - Budget.#chargedTo
    Budget.#chargedTo = now
    if (this.#leftMs >= 0) return
    // The machine may have been busy with other work: no message should fail because of that.
    this.#leftMs = MOST_EVALUATION_MS - (cpuMs(this.#start) ?? MOST_EVALUATION_MS)
    if (this.#leftMs <= 0) this.stop('time')
  }

  enter(): void {
    this.charge()
    if (++this.#parts > MOST_PARTS) this.stop('depth')
  }

  exit(result: unknown): void {
    this.#parts--
    this.checkList(result, MOST_VALUES)
    this.charge()
  }

  checkList(value: unknown, most: number): void {
    if (Array.isArray(value) && value.length > most) this.stop('list')
  }

  stop(...reason: ConstructorParameters<typeof ExpressionLimit>): never {
    throw (this.limit ??= new ExpressionLimit(...reason))
  }
}

function budgetOf(environment: Environment): Budget | undefined {
  return environment.lookup(BUDGET) as Budget | undefined
}

function enter(_part: unknown, _input: unknown, environment: Environment): void {
  budgetOf(environment)?.enter()
}

function exit(_part: unknown, _input: unknown, environment: Environment, result: unknown): void {
  budgetOf(environment)?.exit(result)
}

/** The function, limited to lists that are not too long, with the time of its callbacks charged. */
function limited(builtIn: BuiltIn, most: number): BuiltIn {
  return {
    ...builtIn,
    implementation(...args) {
      const budget = budgetOf(this.environment)
      budget?.checkList(args[0], most)
      return builtIn.implementation.apply(
        this,
        args.map((arg) => (typeof arg === 'function' ? charged(arg, budget) : arg))
      )
    }
  }
}

function charged(called: object, budget: Budget | undefined): unknown {
  const callable = called as ((...args: unknown[]) => unknown) & { arity?: number }
  const { arity = callable.length } = callable
  return Object.assign(
    (...args: unknown[]) => {
      budget?.charge()
      return callable(...args)
    },
    { arity }
  )
}
