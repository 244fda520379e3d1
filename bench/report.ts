export interface Figure {
  value: number
  /** How it was measured, or what it was made from, if that is not obvious. */
  note?: string
}

/** A row of the table. */
export interface Row extends Figure {
  what: string
  /** `×`, `/s`, `ms`, `MB`, `%`, or nothing. */
  unit: string
  /** Without a budget, the row is for information. */
  budget?: { atMost: number } | { atLeast: number }
  /** The same of another version of this package, measured in the same run. */
  before?: Figure
}

export function isMet({ value, budget }: Row): boolean | undefined {
  if (budget === undefined) return undefined
  return 'atMost' in budget ? value <= budget.atMost : value >= budget.atLeast
}

/**
 * Formats the rows as a Markdown table.
 *
 * @param before the version that the figures of another version come from; they get a column
 */
export function table(rows: readonly Row[], before?: string): string {
  const lines = rows.map((row) => {
    const met = isMet(row)
    return [
      row.note === undefined ? row.what : `${row.what} (${row.note})`,
      budgetText(row),
      ...(before === undefined ? [] : [beforeText(row)]),
      `${figure(row.value)}${unitText(row.unit)}`,
      met === undefined ? '' : met ? 'met' : 'OPEN'
    ]
  })
  const beforeTitle = before === undefined ? [] : [`before (${before})`]
  const all = [['what', 'budget', ...beforeTitle, 'measured', ''], ...lines]
  const widths = (all[0] ?? []).map((_, at) =>
    Math.max(...all.map((line) => line[at]?.length ?? 0))
  )
  const text = (line: string[]): string =>
    `| ${line.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`
  return [text(all[0] ?? []), rule, ...lines.map(text)].join('\n')
}

function budgetText({ budget, unit }: Row): string {
  if (budget === undefined) return ''
  return 'atMost' in budget
    ? `≤ ${figure(budget.atMost)}${unitText(unit)}`
    : `≥ ${figure(budget.atLeast)}${unitText(unit)}`
}

function beforeText({ before, unit }: Row): string {
  if (before === undefined) return ''
  const measured = `${figure(before.value)}${unitText(unit)}`
  return before.note === undefined ? measured : `${measured} (${before.note})`
}

function unitText(unit: string): string {
  return unit === '' || unit.startsWith('/') ? unit : ` ${unit}`
}

/** Three significant digits below 1000; thousands are separated by commas. */
export function figure(value: number): string {
  if (Math.abs(value) >= 1000) {
    return String(Math.round(value)).replaceAll(/\B(?=(\d{3})+$)/gu, ',')
  }
  return String(Number(value.toPrecision(3)))
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2
}
