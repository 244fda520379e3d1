import { isoTime } from '../flow/left-choice.ts'
import { refused } from './route-error.ts'

/**
 * What a member of a request may be. One entry gives both types: what a client writes, and what a handler reads.
 */
export interface Kind<Given, Read = Given> {
  /** Only a type: there is nothing in it. */
  readonly given?: Given
  readonly isNeeded?: true
  /** @throws {RouteError} says what it has to be */
  read: (value: unknown, name: string) => Read
}

/** The members of a request, by name. Those that stand in no schema are refused. */
export type Schema = Readonly<Record<string, Kind<unknown>>>

/** A request as a client writes it. */
export type GivenIn<S extends Schema> = {
  [K in keyof S as S[K] extends Needed ? never : K]?: GivenOf<S[K]>
} & { [K in keyof S as S[K] extends Needed ? K : never]: GivenOf<S[K]> }
/** The same as a handler reads it. */
export type ReadIn<S extends Schema> = {
  [K in keyof S as S[K] extends Needed ? never : K]?: ReadOf<S[K]>
} & { [K in keyof S as S[K] extends Needed ? K : never]: ReadOf<S[K]> }

interface Needed {
  readonly isNeeded: true
}
type GivenOf<K> = K extends Kind<infer Given, unknown> ? Given : never
type ReadOf<K> = K extends { read: (value: unknown, name: string) => infer Read } ? Read : never

/**
 * Reads a request: each member as its schema says.
 *
 * @param isQuery of a URL: what is empty there is missing, and others may have added members of theirs
 * @throws {RouteError}
 */
export function readIn<S extends Schema>(
  schema: S,
  question: Readonly<Record<string, unknown>>,
  isQuery: boolean
): ReadIn<S> {
  if (!isQuery) {
    const unknown = Object.keys(question).find((name) => !Object.hasOwn(schema, name))
    if (unknown !== undefined) {
      const list = Object.keys(schema).join(', ') || '–'
      throw refused(400, 'refusal.unknownMember', { name: shown(unknown), list })
    }
  }
  const read = Object.entries(schema).flatMap(([name, kind]) => {
    const value = question[name]
    const isMissing = value === undefined || (isQuery && value === '')
    return isMissing && kind.isNeeded !== true ? [] : [[name, kind.read(value, name)] as const]
  })
  return Object.fromEntries(read) as ReadIn<S>
}

/** A name from outside, in a refusal. */
function shown(name: string): string {
  return /^\w{1,30}$/.test(name) ? name : '?'
}

/** It has to be there. */
export function needed<Given, Read>(kind: Kind<Given, Read>): Kind<Given, Read> & Needed {
  return { ...kind, isNeeded: true }
}

/** Text that may be empty. */
export const text: Kind<string> = {
  read(value, name) {
    if (typeof value === 'string') return value
    // A parameter that a URL has twice is a list.
    throw refused(400, Array.isArray(value) ? 'refusal.once' : 'refusal.text', { name })
  }
}

/** Text by which something is chosen: what is empty, as from a script that found nothing, would choose all. */
export const word: Kind<string> = {
  read(value, name) {
    const read = text.read(value, name)
    if (read.trim() !== '') return read
    throw refused(400, 'refusal.notEmpty', { name })
  }
}

/** `true` or `false`. */
export const flag: Kind<boolean> = {
  read(value, name) {
    if (typeof value === 'boolean') return value
    throw refused(400, 'refusal.flag', { name })
  }
}

/** A time, which a handler reads in milliseconds since 1970. */
export const time: Kind<string, number> = {
  read(value, name) {
    const ms = typeof value === 'string' ? isoTime(value) : undefined
    if (ms !== undefined) return ms
    throw refused(400, Array.isArray(value) ? 'refusal.once' : 'refusal.time', { name })
  }
}

/** A whole number; in a URL, its digits. */
export function whole(least: number, most: number): Kind<number> {
  return {
    read(value, name) {
      const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
      const isIn = Number.isSafeInteger(number) && Number(number) >= least && Number(number) <= most
      if (isIn) return Number(number)
      throw refused(400, 'refusal.wholeNumber', { name, least, most })
    }
  }
}

/** One of some words. */
export function oneOf<const Word extends string>(...words: readonly Word[]): Kind<Word> {
  return {
    read(value, name) {
      const found = words.find((one) => one === value)
      if (found !== undefined) return found
      throw refused(400, 'refusal.oneOf', { name, list: words.join(', ') })
    }
  }
}

/** One of these, or a list of some. */
export function someOf<Given, Read>(
  kind: Kind<Given, Read>
): Kind<Given | readonly Given[], readonly Read[]> {
  return {
    read(value, name) {
      const list: readonly unknown[] = Array.isArray(value) ? value : [value]
      if (list.length === 0) throw refused(400, 'refusal.notEmpty', { name })
      return list.map((one) => kind.read(one, name))
    }
  }
}

/** A list of texts. */
export function texts(most: number, longest: number): Kind<readonly string[]> {
  return {
    read(value, name) {
      const isList =
        Array.isArray(value) &&
        value.length <= most &&
        value.every((one) => typeof one === 'string' && one.length <= longest)
      if (isList) return [...new Set(value as string[])]
      throw refused(400, 'refusal.textList', { name, most, length: longest })
    }
  }
}

/** An object with members of its own. */
export const object: Kind<object> = {
  read(value, name) {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
    throw refused(400, 'refusal.object', { name })
  }
}
