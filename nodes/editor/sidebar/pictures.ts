import type { History } from '../../operations/answers.ts'
import { element, setAttribute, setText } from './dom.ts'
import { bars, COLUMNS, type Figure, FIGURES, HEIGHT, seriesOf } from './picture.ts'
import type { Text } from './times.ts'

const SVG = 'http://www.w3.org/2000/svg'

interface Picture {
  box: HTMLElement
  svg: SVGSVGElement
  path: SVGPathElement
  figure: HTMLElement
}

/** A node's last hour as small pictures, each with its figure beside it and in words for the ear. */
export class Pictures {
  readonly element = element('div', { class: 'hl7-https-pictures' })
  readonly #text: Text
  readonly #pictures = new Map<Figure, Picture>()

  constructor(text: Text) {
    this.#text = text
    for (const figure of FIGURES) {
      const svg = document.createElementNS(SVG, 'svg')
      svg.setAttribute('viewBox', `0 0 ${COLUMNS} ${HEIGHT}`)
      svg.setAttribute('preserveAspectRatio', 'none')
      svg.setAttribute('role', 'img')
      const path = document.createElementNS(SVG, 'path')
      svg.append(path)
      const value = element('span', { class: 'hl7-https-figure' })
      const box = element(
        'div',
        { class: `hl7-https-picture hl7-https-picture-${figure}` },
        element('span', { text: text(`figure.${figure}`) }),
        value,
        svg
      )
      this.element.append(box)
      this.#pictures.set(figure, { box, svg, path, figure: value })
    }
  }

  /** @param range in words, such as "last hour"; no history yet: undefined */
  show(history: History | undefined, range: string): void {
    for (const [figure, picture] of this.#pictures) {
      const { columns, figure: value, most } = seriesOf(history?.minutes ?? [], figure)
      const shown =
        history === undefined
          ? '–'
          : figure === 'p95'
            ? this.#text('figure.ms', { n: Math.round(value) })
            : String(value)
      setText(picture.figure, shown)
      setAttribute(picture.path, 'd', bars(columns))
      const highest = Math.round(most)
      const words = this.#text(`picture.${figure}`, { value: shown, most: highest, range })
      setAttribute(picture.svg, 'aria-label', words)
      setAttribute(picture.box, 'title', words)
    }
  }
}
