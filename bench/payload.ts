const run = Date.now().toString(36).toUpperCase()
let number = 0

/**
 * The admission of a fictitious patient, with a note that brings it to the wanted length. Each one has
 * another control ID.
 *
 * @param index chooses the patient
 * @param keys number of different patients; default 1000
 */
export function payloadOf(
  index: number,
  { bytes, keys = 1000 }: { bytes: number; keys?: number }
): string {
  const begin =
    `MSH|^~\\&|WARDSYS|NORTHSIDE|REGISTRY|CITYCARE|20260102030405||ADT^A01^ADT_A01|${run}${number++}|P|2.5.1\r` +
    `EVN|A01|20260102030405\r` +
    `PID|1||${index % keys}^^^NORTHSIDE^MR||Lindqvist^Astrid^Maria||19840217|F\r` +
    `PV1|1|I|3W^312^2^NORTHSIDE\r`
  return `${begin}NTE|1||${'x'.repeat(Math.max(0, bytes - begin.length - 8))}\r`
}
