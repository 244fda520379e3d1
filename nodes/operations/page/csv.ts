/**
 * A table as CSV (RFC 4180), for a spreadsheet. A cell that a spreadsheet would take for a formula
 * gets an apostrophe in front: what is in it may come from outside.
 */
export function csv(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => `${row.map(cell).join(',')}\r\n`).join('')
}

/** The same with tabs, as spreadsheets put it into the clipboard. */
export function tabbed(rows: readonly (readonly string[])[]): string {
  const line = (row: readonly string[]): string =>
    row.map((value) => harmless(value.replace(/[\t\r\n]+/g, ' '))).join('\t')
  return `${rows.map(line).join('\n')}\n`
}

function cell(value: string): string {
  const text = harmless(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/**
 * What begins a formula, also in full width, as in Japanese; behind a semicolon, where some languages have a
 * spreadsheet begin the next cell; and behind quotes, which a spreadsheet takes off.
 */
const FORMULA = /(?:^|[;\t\r\n])[\s"]*(?=[=+\-@＝＋－＠])/g

function harmless(value: string): string {
  return value.replace(FORMULA, `$&'`).replace(/^(?=[\t\r\n])/, "'")
}
