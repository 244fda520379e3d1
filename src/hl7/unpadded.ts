/**
 * A value as it is compared: trailing blanks are no part of it (HL7 v2.5.1 §2.A, ST), but some systems pad their fields
 * to a fixed width.
 */
export function unpadded(value: string): string {
  return value.trimEnd()
}
