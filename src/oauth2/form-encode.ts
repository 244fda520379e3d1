/**
 * Encodes a text as `application/x-www-form-urlencoded` has it (RFC 6749 appendix B). Letters,
 * digits and `* - . _` stay as they are.
 */
export function formEncode(text: string): string {
  return new URLSearchParams({ t: text }).toString().slice(2)
}
