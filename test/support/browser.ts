import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What playwright-core needs to know to start a browser. */
export interface InstalledBrowser {
  executablePath: string
  env: Record<string, string | undefined>
}

/** The usual paths of Chromium-based browsers. */
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
 * Starts a browser: the one from npm, which brings the libraries that it needs and, without a window, takes a
 * quarter less time than a whole Chromium; where npm has none, the machine's. What does not start is passed over.
 *
 * @param start starts it with playwright-core
 * @param places where the machine's may be
 * @throws {Error} if none starts, with the reason of each
 */
export async function startBrowser<T>(
  start: (browser: InstalledBrowser) => Promise<T>,
  places: readonly string[] = PLACES
): Promise<T> {
  const reasons: string[] = []
  const machines = places
    .filter((place) => existsSync(place))
    .map((executablePath) => () => ({ executablePath, env: process.env }))
  for (const browser of [unpackedFromNpm, ...machines]) {
    try {
      return await start(browser())
    } catch (error) {
      reasons.push(reasonOf(error))
    }
  }
  throw new Error(
    [
      'No browser starts. Install one (Debian: apt-get install chromium-headless-shell).',
      ...reasons
    ].join('\n  ')
  )
}

/** What a browser printed before it ended, or why it did not start, without its many options. */
function reasonOf(error: unknown): string {
  const { message } = error as Error
  const [, program = ''] = /<launching> (\S+)/.exec(message) ?? []
  const [, said] = /\[err\] (.*)/.exec(message) ?? []
  const [first = ''] = message.split('\n')
  return program === '' ? first : `${program}: ${said ?? first}`
}

/**
 * Unpacks the browser of `@sparticuz/chromium` beside it, at the first use.
 *
 * @throws {Error} if there is none for this machine
 */
function unpackedFromNpm(): InstalledBrowser {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(`npm has none for ${process.platform} on ${process.arch}.`)
  }
  const packed = fileURLToPath(import.meta.resolve('@sparticuz/chromium'))
  const directory = join(dirname(dirname(packed)), 'unpacked')
  if (!existsSync(directory)) unpack(directory)
  return {
    executablePath: join(directory, 'chromium'),
    env: {
      ...process.env,
      LD_LIBRARY_PATH: join(directory, 'al2023', 'lib'),
      FONTCONFIG_FILE: join(directory, 'fonts.conf')
    }
  }
}

/** It unpacks what it holds into the directory for temporary files. */
const UNPACK = `import chromium from '@sparticuz/chromium'
  await chromium.executablePath()`
/** The machine for which it was made. Only there, it takes for granted, libraries are missing. */
const AWS = { AWS_LAMBDA_JS_RUNTIME: 'nodejs24.x', AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x' }

function unpack(directory: string): void {
  // Unpacks elsewhere and renames, so that what is half unpacked is never used.
  const draft = mkdtempSync(`${directory}.`)
  try {
    const { status, stderr } = spawnSync(
      process.execPath,
      ['--input-type=module', '--eval', UNPACK],
      {
        cwd: dirname(fileURLToPath(import.meta.url)),
        env: { ...process.env, ...AWS, TMPDIR: draft },
        encoding: 'utf8'
      }
    )
    if (status !== 0) throw new Error(`The browser from npm cannot be unpacked: ${stderr}`)
    // Its own names other directories.
    const fonts = `<fontconfig>
  <dir>${join(directory, 'fonts', 'fonts')}</dir>
  <cachedir>${join(directory, 'fonts-cache')}</cachedir>
</fontconfig>
`
    writeFileSync(join(draft, 'fonts.conf'), fonts)
    renameSync(draft, directory)
  } catch (error) {
    rmSync(draft, { recursive: true, force: true })
    // Another process may have been faster.
    if (!existsSync(directory)) throw error
  }
}
