export interface Point {
  x: number
  y: number
}

export interface Curve {
  name: string
  points: readonly Point[]
}

export interface Plot {
  title: string
  /** The label of the horizontal axis, which is logarithmic. */
  x: string
  /** From top to bottom, each with its own vertical axis, which starts at 0. */
  panels: readonly { y: string; curves: readonly Curve[] }[]
}

const WIDTH = 640
const PANEL = 200
const LEFT = 80
const RIGHT = 20
const TOP = 40
const GAP = 50
const COLOURS = ['#0b62a3', '#c4561a', '#3b7d2e']

/** Draws a plot as SVG. */
export function svg({ title, x, panels }: Plot): string {
  const height = TOP + panels.length * (PANEL + GAP)
  const xs = panels.flatMap(({ curves }) => curves.flatMap(({ points }) => points.map((p) => p.x)))
  const ticks = [...new Set(xs)].sort((a, b) => a - b)
  const [least = 1, most = 1] = [ticks[0], ticks.at(-1)]
  const across = (value: number): number =>
    LEFT + ((WIDTH - LEFT - RIGHT) * Math.log(value / least)) / (Math.log(most / least) || 1)
  const drawn = panels.map(({ y, curves }, index) => {
    const bottom = TOP + index * (PANEL + GAP) + PANEL
    const highest = round(Math.max(...curves.flatMap(({ points }) => points.map((p) => p.y))))
    const up = (value: number): number => bottom - (PANEL - 20) * (Math.max(0, value) / highest)
    return [
      text(LEFT, bottom - PANEL + 10, y, 'start', 'bold'),
      ...[0, highest / 2, highest].map(
        (value) =>
          line(LEFT, up(value), WIDTH - RIGHT, up(value)) +
          text(LEFT - 8, up(value) + 4, label(value), 'end')
      ),
      ...ticks.map((value) => text(across(value), bottom + 16, label(value), 'middle')),
      ...curves.map((curve, at) => drawCurve(curve, at, across, up)),
      ...curves.map(({ name }, at) =>
        text(WIDTH - RIGHT, bottom - PANEL + 10 + 16 * at, name, 'end', 'bold', COLOURS[at])
      )
    ].join('\n')
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">
<rect width="${WIDTH}" height="${height}" fill="white"/>
${text(LEFT, 20, title, 'start', 'bold')}
${drawn.join('\n')}
${text(WIDTH - RIGHT, height - 12, x, 'end')}
</svg>
`
}

function drawCurve(
  { points }: Curve,
  at: number,
  across: (x: number) => number,
  up: (y: number) => number
): string {
  const places = points.map((point) => [across(point.x).toFixed(1), up(point.y).toFixed(1)])
  const colour = COLOURS[at] ?? 'black'
  const way = places.map((place) => place.join(',')).join(' ')
  const dots = places.map(([cx, cy]) => `<circle cx="${cx}" cy="${cy}" r="3" fill="${colour}"/>`)
  return `<polyline points="${way}" fill="none" stroke="${colour}" stroke-width="2"/>${dots.join('')}`
}

function line(x1: number, y1: number, x2: number, y2: number): string {
  return `<line x1="${x1}" y1="${y1.toFixed(1)}" x2="${x2}" y2="${y2.toFixed(1)}" stroke="#ccc"/>`
}

function text(
  x: number,
  y: number,
  words: string,
  anchor: string,
  weight = 'normal',
  fill = 'black'
): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" font-weight="${weight}" fill="${fill}">${words}</text>`
}

/** Rounds up to 1, 2, 5, 10, 20, … */
function round(value: number): number {
  if (value <= 0) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  return power * ([1, 2, 5, 10].find((step) => step * power >= value) ?? 10)
}

function label(value: number): string {
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3))} M`
  if (value >= 1e4) return `${Number((value / 1e3).toPrecision(3))} k`
  return String(Number(value.toPrecision(3)))
}
