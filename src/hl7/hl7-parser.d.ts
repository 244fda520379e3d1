/** hl7-parser 0.2 has no types of its own. These cover the one call that `segments.ts` makes. */
declare module 'hl7-parser' {
  /** Fields of repetitions of components of sub-components. */
  type Fields = string[][][][]

  const parser: {
    parse(message: string): {
      /** The segments of one name, in order. */
      getSegments(name: string): { segment: Fields }[] | undefined
    }
  }
  export default parser
}
