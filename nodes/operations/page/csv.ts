/**
 * A table as CSV (RFC 4180), for a spreadsheet. A cell that a spreadsheet would take for a formula
 * gets an apostrophe in front: what is in it may come from outside.
 */
export function csv(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => `${row.map(cell).join(',')}\r\n`).join('')
}

function cell(value: string): string {
  const harmless = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}
