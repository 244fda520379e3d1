/** A line of a plot. */
export interface Line {
  name: string
  points: { x: number; y: number }[]
}

const WIDTH = 720
const HEIGHT = 360
const LEFT = 50
const RIGHT = 190
const TOP = 40
const BOTTOM = 40
const COLORS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#56b4e9', '#e69f00']

/** Draws lines whose x grows by powers of ten, from none on, and whose y begins at 0. */
export function plot(title: string, lines: readonly Line[]): string {
  const all = lines.flatMap(({ points }) => points)
  const powers = Math.ceil(Math.log10(Math.max(10, ...all.map(({ x }) => x))))
  const mostY = Math.max(2, Math.ceil(Math.max(...all.map(({ y }) => y))))
  const bottom = HEIGHT - BOTTOM
  const right = WIDTH - RIGHT
  /** None stands where one would. */
  const across = (x: number): number =>
    LEFT + (Math.log10(Math.max(1, x)) / powers) * (right - LEFT)
  const down = (y: number): number => bottom - (y / mostY) * (bottom - TOP)
  const at = ({ x, y }: { x: number; y: number }): string =>
    `${across(x).toFixed(1)},${down(y).toFixed(1)}`
  const grid = Array.from({ length: mostY + 1 }, (_, y) => [
    `<path d="M${LEFT} ${down(y)}H${right}" stroke="#ddd"/>`,
    `<text x="${LEFT - 8}" y="${down(y) + 4}" text-anchor="end">${y} ×</text>`
  ])
  const ticks = Array.from({ length: powers + 1 }, (_, power) => {
    const label = power === 0 ? 'none' : (10 ** power).toLocaleString('en-US')
    return `<text x="${across(10 ** power)}" y="${bottom + 20}" text-anchor="middle">${label}</text>`
  })
  // Names stand at the ends of their lines, one below the other where these meet.
  let lowest = -Infinity
  const names = new Map(
    [...lines]
      .sort((a, b) => (b.points.at(-1)?.y ?? 0) - (a.points.at(-1)?.y ?? 0))
      .map(({ name, points }) => {
        lowest = Math.max(lowest + 16, down(points.at(-1)?.y ?? 0) + 4)
        return [name, lowest]
      })
  )
  const drawn = lines.flatMap(({ name, points }, index) => {
    const color = COLORS[index % COLORS.length] ?? ''
    return [
      `<polyline points="${points.map(at).join(' ')}" fill="none" stroke="${color}" stroke-width="2"/>`,
      ...points.map(
        (point) => `<circle cx="${across(point.x)}" cy="${down(point.y)}" r="3" fill="${color}"/>`
      ),
      `<text x="${right + 12}" y="${names.get(name) ?? 0}" fill="${color}">${name}</text>`
    ]
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
<text x="${LEFT}" y="20" font-size="9">${title}</text>
${[...grid.flat(), ...ticks, ...drawn].join('\n')}
</svg>
`
}
