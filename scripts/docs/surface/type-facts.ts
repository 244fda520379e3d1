/** What types have in them, one fact a line: read with the compiler, so that nobody keeps a second list. */
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import type { SurfaceTypes } from './types.ts'

const here = dirname(fileURLToPath(import.meta.url))
const root = join(here, '..', '..', '..')

/** A type in a few words, and facts of what is in it. */
interface Shape {
  kinds: Set<string>
  inside: string[]
}

export class TypeFacts {
  readonly #checker: ts.TypeChecker
  readonly #surface: ts.Type
  /** Those that lines refer to by name. */
  readonly #named = new Map<string, ts.Type>()

  /** Names of lists of words, by the words. */
  readonly #lists: ReadonlyMap<string, string>

  /** @param lists words that have facts of their own: a type that is all of them is called by their name */
  constructor(lists: Readonly<Record<string, readonly string[]>>) {
    this.#lists = new Map(Object.entries(lists).map(([name, words]) => [listed(words), name]))
    const { config } = ts.readConfigFile(join(root, 'tsconfig.base.json'), (file) =>
      ts.sys.readFile(file)
    ) as { config: unknown }
    const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root)
    const file = join(here, 'types.ts')
    const program = ts.createProgram([file], { ...options, noEmit: true })
    this.#checker = program.getTypeChecker()
    const surface = program.getSourceFile(file)?.statements.find(ts.isInterfaceDeclaration)
    if (surface === undefined) throw new Error(`There is no interface in ${file}.`)
    this.#surface = this.#checker.getTypeAtLocation(surface)
  }

  /** The type of a member of `SurfaceTypes`, or of a member of that. */
  of(part: keyof SurfaceTypes, member?: string): ts.Type {
    const type = this.#member(this.#surface, part)
    return member === undefined ? type : this.#member(type, member)
  }

  /** A fact for each member of a type, and of what is in these. */
  members(type: ts.Type): string[] {
    return this.#members([type], '', true)
  }

  /** What a type is; types with names are to be listed by `named`. */
  facts(path: string, type: ts.Type): string[] {
    const { kinds, inside } = this.#shape([type], path, false)
    return [`${path} ${listed(kinds)}`, ...inside]
  }

  /** Facts of all types that were named so far, and of those that these name. */
  named(): string[] {
    const facts: string[] = []
    // It grows meanwhile.
    for (const [name, type] of this.#named) {
      const words = parts(type).flatMap((part) =>
        part.isStringLiteral() ? [`${name} is ${part.value}`] : []
      )
      facts.push(...words, ...this.#members([type], `${name}.`, false))
    }
    return facts
  }

  #member(type: ts.Type, name: string): ts.Type {
    const symbol = type.getProperty(name)
    if (symbol === undefined) throw new Error(`There is no ${name} in the types of the surface.`)
    return this.#checker.getTypeOfSymbol(symbol)
  }

  /** Of several types, a member that one of them lacks is optional. */
  #members(types: readonly ts.Type[], prefix: string, isWhole: boolean): string[] {
    const each = types
      .flatMap(parts)
      .filter(isObject)
      .map((type) => type.getProperties())
    const names = new Set(each.flat().map(({ name }) => name))
    return [...names].flatMap((name) => {
      const found = each.map((properties) => properties.find((one) => one.name === name))
      const isOptional = found.some(
        (one) => one === undefined || (one.flags & ts.SymbolFlags.Optional) !== 0
      )
      const its = found.flatMap((one) => (one ? [this.#checker.getTypeOfSymbol(one)] : []))
      const path = prefix + name
      const { kinds, inside } = this.#shape(its, path, isWhole)
      const fact = `${path} ${listed(kinds)}${isOptional ? ' optional' : ''}`
      return [fact, ...inside]
    })
  }

  /** @param isWhole with all that is in it; else types of the project that have a name are named */
  #shape(types: readonly ts.Type[], path: string, isWhole: boolean): Shape {
    const kinds = new Set<string>()
    const words = new Set<string>()
    const objects: ts.Type[] = []
    const inside: string[] = []
    const add = (type: ts.Type): void => {
      const name = isWhole ? undefined : this.#name(type)
      if (name !== undefined) kinds.add(name)
      else if (type.isUnion()) type.types.forEach(add)
      else if (type.isStringLiteral()) words.add(type.value)
      else if (this.#checker.isArrayType(type)) {
        const elements = this.#checker.getTypeArguments(type as ts.TypeReference)
        const element = this.#shape(elements, `${path}[]`, isWhole)
        kinds.add(`${listed(element.kinds)}[]`)
        inside.push(...element.inside)
      } else if (isOpen(type)) kinds.add('object')
      else if (isForeign(type)) kinds.add(type.symbol.name)
      else if (isObject(type)) objects.push(type)
      else if ((type.flags & ts.TypeFlags.Any) !== 0) {
        throw new Error(`The type of ${path} cannot be read: does \`npm run check\` pass?`)
      } else if ((type.flags & ts.TypeFlags.Undefined) === 0) {
        kinds.add(this.#checker.typeToString(type))
      }
    }
    types.forEach(add)
    if (kinds.has('true') && kinds.delete('false')) {
      kinds.delete('true')
      kinds.add('boolean')
    }
    const list = this.#lists.get(listed(words))
    if (words.size > 0) kinds.add(list ?? 'string')
    if (list === undefined) inside.push(...[...words].map((word) => `${path} is ${word}`))
    if (objects.length > 0) kinds.add('object')
    inside.push(...this.#members(objects, `${path}.`, isWhole))
    return { kinds, inside }
  }

  /** Undefined for one that has none, or none of the project. */
  #name(type: ts.Type): string | undefined {
    const symbol = type.aliasSymbol ?? (type.isClassOrInterface() ? type.symbol : undefined)
    const isGeneric = type.aliasTypeArguments !== undefined
    if (symbol === undefined || isGeneric || isInPackage(symbol) || isOpen(type)) return undefined
    const other = this.#named.get(symbol.name)
    if (other !== undefined && other !== type) throw new Error(`Two types are ${symbol.name}.`)
    this.#named.set(symbol.name, type)
    return symbol.name
  }
}

function listed(words: Iterable<string>): string {
  return [...words].sort().join('|')
}

/** The types of a union; else the type alone. */
function parts(type: ts.Type): readonly ts.Type[] {
  return type.isUnion() ? type.types : [type]
}

function isObject(type: ts.Type): boolean {
  return (type.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection)) !== 0
}

/** Any member may be in it. */
function isOpen(type: ts.Type): boolean {
  return isObject(type) && type.getStringIndexType() !== undefined
}

/** Of JavaScript, Node.js or a package, such as `Date`. */
function isForeign(type: ts.Type): boolean {
  const symbol = isObject(type) ? type.getSymbol() : undefined
  return symbol !== undefined && !symbol.name.startsWith('__') && isInPackage(symbol)
}

function isInPackage({ declarations = [] }: ts.Symbol): boolean {
  return declarations.some((one) => one.getSourceFile().fileName.includes('/node_modules/'))
}
