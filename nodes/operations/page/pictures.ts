import { html, svg, type TemplateResult } from 'lit-html'
import type { History, HistoryMinute } from '../answers.ts'
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

/** What the pictures show: the last hour and the last day. */
export const RANGES = [60, 1440] as const
export type Range = (typeof RANGES)[number]

/** The histories of one node; one that has not arrived is missing. */
export type Histories = Partial<Record<Range, History>>

/** A node's last hour and day as small pictures, each with its figure beside it and in words for the ear. */
export function pictures(histories: Histories, speech: Speech): TemplateResult {
  const { text } = speech
  const hour = histories[60]?.minutes ?? []
  const minutes = { 60: hour, 1440: withNewest(histories[1440]?.minutes ?? [], hour) }
  return html`<div class="hl7-pictures">
    <span></span>
    ${RANGES.map((range) => html`<span class="hl7-range">${text(`range.${range}`)}</span>`)}
    ${FIGURES.map(
      (figure) =>
        html`<span class="hl7-figure-name" title=${text(`figureMeans.${figure}`)}
            >${text(`figure.${figure}`)}</span
          >
          ${RANGES.map((range) => picture(minutes[range], figure, range, speech))}`
    )}
  </div>`
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
