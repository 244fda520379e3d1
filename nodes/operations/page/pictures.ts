import { html, svg, type TemplateResult } from 'lit-html'
import type { HistoryMinute, NodeState } from '../answers.ts'
import { requestTrouble } from './asking.ts'
import type { Desk } from './desk.ts'
import {
  bars,
  COLUMNS,
  type Figure,
  FIGURES,
  ground,
  HEIGHT,
  seriesOf,
  withNewest
} from './picture.ts'
import type { Speech } from './told.ts'

/** What the pictures show, in minutes: the last hour and the last day. */
const RANGES = [60, 1440] as const
type Range = (typeof RANGES)[number]
const NONE = { 60: [], 1440: [] }

/** A column of the picture of a day is 24 minutes: it is asked for no more often than this, in milliseconds. */
const DAY_EVERY_MS = 60_000

/** How it went with the chosen node: its last hour and day. */
export class Pictures {
  readonly #desk: Desk
  #node: string | undefined
  #minutes: Readonly<Record<Range, readonly HistoryMinute[]>> = NONE
  #dayAt = -Infinity
  /** Of a node that does not run, nothing can be asked. */
  #runs = true

  constructor(desk: Desk) {
    this.#desk = desk
  }

  /** Another node, perhaps. */
  show({ id, state }: NodeState): void {
    this.#runs = state !== 'stopped'
    if (id === this.#node) return
    this.#node = id
    this.#minutes = NONE
    this.#dayAt = -Infinity
  }

  /** Asks for what is shown. Never rejects. */
  async load(): Promise<void> {
    const id = this.#node
    if (id === undefined || !this.#runs) return
    const now = performance.now()
    const isDayOld = now > this.#dayAt + DAY_EVERY_MS
    if (isDayOld) this.#dayAt = now
    const ranges = RANGES.filter((range) => range !== 1440 || isDayOld)
    await Promise.all(ranges.map((range) => this.#load(id, range)))
  }

  async #load(id: string, range: Range): Promise<void> {
    const { frame, draw, say, text } = this.#desk
    try {
      const history = await frame.ask('history', { id }, { minutes: range })
      if (id !== this.#node) return
      this.#minutes = { ...this.#minutes, [range]: history.minutes }
      void draw()
    } catch (error) {
      say('bad', requestTrouble(error, text))
    }
  }

  /** Small pictures, each with its figure beside it and in words for the ear. */
  view(): TemplateResult {
    const { text } = this.#desk
    const minutes = { ...this.#minutes, 1440: withNewest(this.#minutes[1440], this.#minutes[60]) }
    return html`<section class="hl7-history">
      <h3 tabindex="-1">${text('history.title')}</h3>
      <div class="hl7-pictures">
        <span></span>
        ${RANGES.map((range) => html`<span class="hl7-range">${text(`range.${range}`)}</span>`)}
        ${FIGURES.filter(
          (figure) => isUsual(figure) || minutes[1440].some((one) => one[figure] > 0)
        ).map(
          (figure) =>
            html`<span class="hl7-figure-name" title=${text(`figureMeans.${figure}`)}
                >${text(`figure.${figure}`)}</span
              >
              ${RANGES.map((range) => picture(minutes[range], figure, range, this.#desk))}`
        )}
      </div>
    </section>`
  }
}

/** Those of messages that were turned away are shown if there were any. */
function isUsual(figure: Figure): boolean {
  return figure !== 'turnedAway'
}

function picture(
  minutes: readonly HistoryMinute[],
  figure: Figure,
  range: Range,
  { text, language, now }: Speech
): TemplateResult {
  const series = seriesOf(minutes, figure, range, now())
  const isKnown = series.columns.some((column) => column !== null)
  const n = Math.round(series.figure).toLocaleString(language)
  const value = !isKnown ? '–' : figure === 'p95' ? text('age.ms', { n }) : n
  const words = text(`picture.${isKnown ? figure : 'none'}`, {
    figure: text(`figure.${figure}`),
    value,
    most: Math.round(series.most).toLocaleString(language),
    range: text(`range.${range}`)
  })
  return html`<div class="hl7-picture hl7-picture-${figure}" title=${words}>
    <span class="hl7-figure">${value}</span>
    <svg
      viewBox="0 0 ${COLUMNS} ${HEIGHT}"
      preserveAspectRatio="none"
      role="img"
      aria-label=${words}
    >
      ${svg`<path class="hl7-ground" d=${ground(series.columns)}></path>
        <path class="hl7-bars" d=${bars(series.columns)}></path>`}
    </svg>
  </div>`
}
