import { existsSync } from 'node:fs'

/** The usual paths of Chromium-based browsers, the quickest first. */
const PLACES = [
  '/usr/bin/chromium-headless-shell',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/snap/bin/chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  'C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe'
]

/**
 * The browser for the tests of the editor.
 *
 * @throws {Error} if there is none
 */
export function browserPath(): string {
  const path = PLACES.find((place) => existsSync(place))
  if (path === undefined) {
    throw new Error(
      'No Chromium found. Install one (Debian: apt-get install chromium-headless-shell).'
    )
  }
  return path
}
