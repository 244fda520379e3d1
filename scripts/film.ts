import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'

const maxBytes = 1_000_000

/** An animated picture of a page, taken as it happens, with a line of text that says what happens. */
export class Film {
  readonly #page: Page
  readonly #directory = mkdtempSync(join(tmpdir(), 'hl7-https-film-'))
  readonly #frames: { file: string; seconds: number }[] = []

  constructor(page: Page) {
    this.#page = page
  }

  /** Shows a line of text at the bottom of the canvas from now on. */
  async say(text: string): Promise<void> {
    await this.#page.evaluate(`(() => {
      const id = 'film-caption'
      const line = document.getElementById(id) ?? document.body.appendChild(document.createElement('div'))
      line.id = id
      line.style.cssText = 'position: fixed; left: 20px; bottom: 60px; padding: 8px 16px; z-index: 100;' +
        'border-radius: 6px; background: #23395d; color: #fff; font: 20px sans-serif'
      line.textContent = ${JSON.stringify(text)}
    })()`)
  }

  /** Clicks, with the pointer in the picture a moment before. */
  async click(selector: string): Promise<void> {
    const box = await this.#page.locator(selector).boundingBox()
    if (!box) throw new Error(`${selector} is not there.`)
    await this.#page.evaluate(`(() => {
      const id = 'film-pointer'
      const dot = document.body.appendChild(document.createElement('div'))
      dot.id = id
      dot.style.cssText = 'position: fixed; width: 24px; height: 24px; z-index: 100; pointer-events: none;' +
        'border: 4px solid #d35400; border-radius: 50%; box-sizing: border-box;' +
        'left: ${box.x + box.width / 2 - 12}px; top: ${box.y + box.height / 2 - 12}px'
    })()`)
    await this.roll(0.8)
    await this.#page.click(selector)
    await this.roll(0.5)
    await this.#page.evaluate(`document.getElementById('film-pointer').remove()`)
  }

  /** Films for so many seconds, four frames a second. */
  async roll(seconds: number): Promise<void> {
    for (let left = seconds; left > 0; left -= 0.25) {
      const began = performance.now()
      const file = join(this.#directory, `${this.#frames.length}.png`)
      await this.#page.screenshot({ path: file })
      await this.#page.waitForTimeout(Math.max(0, 250 - (performance.now() - began)))
      this.#frames.push({ file, seconds: Math.min(0.25, left) })
    }
  }

  /**
   * Writes the film as a GIF, which runs again and again. Needs ffmpeg (Debian: apt-get install ffmpeg).
   *
   * @throws {Error} if there is no ffmpeg, or the file has more than a million bytes
   */
  write(file: string): void {
    const list = join(this.#directory, 'frames.txt')
    const lines = this.#frames.map((one) => `file '${one.file}'\nduration ${one.seconds}\n`)
    writeFileSync(list, lines.join(''))
    const colors = 'split[a][b];[a]palettegen=max_colors=128[p];[b][p]paletteuse=dither=none'
    const made = spawnSync(
      'ffmpeg',
      ['-y', '-f', 'concat', '-safe', '0', '-i', list, '-fps_mode', 'vfr', '-vf', colors, file],
      { encoding: 'utf8' }
    )
    rmSync(this.#directory, { recursive: true, force: true })
    if (made.status !== 0) {
      throw new Error(`No film without ffmpeg. ${made.error?.message ?? made.stderr.slice(-500)}`)
    }
    const { size } = statSync(file)
    if (size > maxBytes) throw new Error(`The film has ${size} bytes; at most ${maxBytes}.`)
  }
}
