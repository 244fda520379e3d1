import { printable } from '../../../../src/printable.ts'
import { shownLines, type ShownLines } from './hl7-lines.ts'
import { findPlaces, placeName, placesIn, type FoundPlace } from './place.ts'
import { readProblems, type ReadProblem } from './problem-reading.ts'
import { readReply, type ReadAnswer, type ReadError } from './reply-reading.ts'

/** A place that an error is about. */
export interface ErrorPlace {
  /** `PID-3` */
  readonly name: string
  /** Where it is in the request; undefined if it is not there. */
  readonly found: FoundPlace | undefined
  /** What stands there, in one short line. */
  readonly value: string
  /** The number of the line in the reply that names it, from 1. */
  readonly namedIn: number
}

/** An error, and the places that it is about. */
export type PlacedError = ReadError & { readonly places: readonly ErrorPlace[] }

/** What the request and the reply are to their reader. */
export interface ReadTexts {
  readonly request: ShownLines
  readonly reply: ShownLines
  readonly answers: readonly ReadAnswer[]
  readonly errors: readonly PlacedError[]
  /** So many ERR segments are not listed. */
  readonly errorsLeftOut: number
  /** Of a reply that is no HL7. */
  readonly problems: readonly ReadProblem[]
}

/** Reads both texts; `''` where one is not there. A segment that an error is about is among the shown ones. */
export function readTexts(request: string, reply: string): ReadTexts {
  const { answers, errors, leftOut } = readReply(reply)
  const wanted = errors.flatMap((error) =>
    placesIn(error.location).map((place) => ({ error, place, controlId: error.controlId }))
  )
  const found = findPlaces(request, wanted)
  const lineOf = new Set(found.map((one) => one?.line ?? 0))
  const requestLines = shownLines(request, lineOf)
  const places = wanted.map(({ error, place }, index) => {
    const at = found[index]
    const line = requestLines.lines.find(({ number }) => number === at?.line)
    return {
      error,
      name: placeName(place),
      found: at,
      value: printable(line?.segment.text.slice(at?.start, at?.end) ?? ''),
      namedIn: error.line
    }
  })
  return {
    request: requestLines,
    reply: shownLines(reply, new Set(errors.map(({ line }) => line))),
    answers,
    errors: errors.map((error) => ({
      ...error,
      places: places.filter((one) => one.error === error)
    })),
    errorsLeftOut: leftOut,
    problems: answers.length + errors.length === 0 ? readProblems(reply) : []
  }
}
