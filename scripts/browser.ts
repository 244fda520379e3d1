import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/** The usual paths of Chromium-based browsers. */
const PLACES = [
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
    throw new Error('No Chromium found. Install one (Debian: apt-get install chromium).')
  }
  return path
}

/** On Debian, as root, installs the package `chromium` if there is no browser. */
export function installBrowser(): void {
  const there = PLACES.some((place) => existsSync(place))
  if (there || !existsSync('/etc/debian_version') || process.getuid?.() !== 0) return
  console.log('Installing the package chromium for the tests of the editor …')
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  for (const args of [
    ['update', '-qq'],
    ['install', '-y', '-qq', '--no-install-recommends', 'chromium']
  ]) {
    spawnSync('apt-get', args, { stdio: ['ignore', 'ignore', 'inherit'], env })
  }
}
