import { REFUSING_CODES } from '../hl7/acknowledgement-codes.ts'

const refusingCode = String.raw`(?:${REFUSING_CODES.join('|')})(?![A-Za-z\d])`

/** A separator of fields, also one that was escaped, and such a code behind it. */
const refusal = String.raw`(?:[|^~&#]|&#124;|(?:\\u00|%)7[cC])${refusingCode}`

/**
 * An MSA that refuses, at the beginning of a line: also one that was escaped (`\\rMSA|AE`, `%0DMSA%7CAE`), that stands
 * behind a tag, a quote or a reference, or that has other separators.
 */
const msa = new RegExp(
  String.raw`MSA(?<=(?:^|[^\w\t ]|[^\w][\t ]|\\[rn]|(?:\\u00|%)0[adAD])MSA)${refusal}`
)

/** The same anywhere. */
const msaAnywhere = new RegExp(`MSA${refusal}`)

const msh = /MSH(?:[|^~&#]|&#124;|(?:\\u00|%)7[cC])/

/** The same in HL7's XML encoding (`<MSA.1>AE</MSA.1>`), in Mirth's and BizTalk's, and in JSON made of them. */
const element = new RegExp(
  String.raw`(?:MSA|msa)[._-]1(?!\d)[\w.-]{0,40}(?:(?:\s[^<>]{0,100})?>\s{0,40}(?:<!\[CDATA\[)?|\\?"\s{0,9}:\s{0,9}\\?")\s{0,40}${refusingCode}`
)

/**
 * Whether a text in which no acknowledgement was found seems to refuse all the same, in a form that is not read. All
 * patterns take linear time: nothing in them repeats without a limit.
 */
export function seemsToRefuse(text: string): boolean {
  return msa.test(text) || element.test(text) || refusesBehindMsh(text)
}

/**
 * Behind an MSH, prose does not follow: the line ends were lost, or became something else, such as blanks (as in an
 * attribute, XML 1.0 §3.3.3) or `=0D` (quoted-printable).
 */
function refusesBehindMsh(text: string): boolean {
  const start = text.search(msh)
  return start !== -1 && msaAnywhere.test(text.slice(start))
}
