/**
 * An MSA with AE, AR, CE or CR, at the beginning of a line: also one that was escaped (`\\rMSA|AE`, `%0DMSA%7CAE`), that
 * stands behind a tag, a quote or a reference, or that has other separators.
 */
const msa =
  /MSA(?<=(?:^|[^\w\t ]|[^\w][\t ]|\\[rn]|(?:\\u00|%)0[adAD])MSA)(?:[|^~&#]|&#124;|(?:\\u00|%)7[cC])[AC][ER](?![A-Za-z\d])/

/** The same in HL7's XML encoding (`<MSA.1>AE</MSA.1>`), in Mirth's, and in JSON made of them. */
const element =
  /MSA\.1(?:\.1)?(?:(?:\s[^<>]{0,100})?>\s{0,40}(?:<!\[CDATA\[)?|\\?"\s{0,9}:\s{0,9}\\?")\s{0,40}[AC][ER](?![A-Za-z\d])/

/**
 * Whether a text in which no acknowledgement was found seems to refuse all the same, in a form that is not read. Both
 * patterns take linear time: nothing in them repeats without a limit.
 */
export function seemsToRefuse(text: string): boolean {
  return msa.test(text) || element.test(text)
}
