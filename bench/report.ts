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
  const showsBefore = before !== undefined && rows.some((row) => row.before !== undefined)
  const lines = rows.map((row) => {
    return [
      row.what,
      budgetText(row),
      ...(showsBefore ? [figureText(row.before, row.unit)] : []),
      `${isMet(row) === false ? 'OPEN: ' : ''}${figureText(row, row.unit)}`
    ]
  })
  const beforeTitle = showsBefore ? [`before (${before})`] : []
  const all = [['what', 'budget', ...beforeTitle, 'measured'], ...lines]
  const text = (line: string[]): string =>
    `| ${line.join(' | ')} |`.replaceAll(/\| {2}(?=\|)/gu, '| ')
  const rule = `|${'---|'.repeat(all[0]?.length ?? 0)}`
  return [text(all[0] ?? []), rule, ...lines.map(text)].join('\n')
}

/** A page with other text between the marks of a part. */
export function replaced(page: string, part: string, text: string): string {
  const [begin, end] = [`<!-- begin ${part} -->`, `<!-- end ${part} -->`]
  const [before, after] = [page.indexOf(begin), page.indexOf(end)]
  if (before === -1 || after < before) throw new Error(`The page has no ${begin} … ${end}.`)
  return `${page.slice(0, before)}${begin}\n\n${text}\n\n${page.slice(after)}`
}

function budgetText({ budget, unit }: Row): string {
  if (budget === undefined) return ''
  return 'atMost' in budget
    ? `≤ ${figure(budget.atMost)}${unitText(unit)}`
    : `≥ ${figure(budget.atLeast)}${unitText(unit)}`
}

function figureText(measured: Figure | undefined, unit: string): string {
  if (measured === undefined) return ''
  const { note, value } = measured
  const text = `${figure(value)}${unitText(unit)}`
  return note === undefined ? text : `${text} (${note})`
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
