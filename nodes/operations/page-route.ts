import { readFileSync } from 'node:fs'
import type { Request, Response } from 'express'
import type { NodeAPI } from 'node-red'
import { ROUTES } from './route-table.ts'

/** The files of the page and the tab: scripts, styles, chunks that both share, and the texts of each language. */
const FILE = /^(?:(?:page|sidebar)\.(?:js|css)|chunk-[A-Z\d]{8}\.js|[a-z]{2}(?:-[A-Z]{2})?\.json)$/

/** Only what comes from here, and nothing that stands in the page itself. */
const HEADERS = {
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'self'"
  ].join('; '),
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  // It is asked each time whether there is another: an update must not meet an old script.
  'Cache-Control': 'no-cache'
}

/**
 * Serves the page. It holds no data, and so needs no login, as the editor does not. Node-RED serves no
 * `resources/` where the editor is disabled: its files come from here.
 */
export function registerPage({ httpAdmin }: NodeAPI): void {
  httpAdmin.get(ROUTES.page.path, (request: Request, response: Response) => {
    // What the page names is beside it.
    if (request.path.endsWith('/')) response.redirect('../page')
    else send(response, 'index.html')
  })
  httpAdmin.get(
    `${ROUTES.page.path}/:file`,
    (request: Request<{ file: string }>, response: Response) => {
      const { file } = request.params
      if (FILE.test(file)) send(response, file)
      else response.status(404).end()
    }
  )
}

const read = new Map<string, Buffer | undefined>()

function send(response: Response, file: string): void {
  if (!read.has(file)) read.set(file, contentOf(file))
  const content = read.get(file)
  response.set(HEADERS)
  if (content === undefined) response.status(404).end()
  // Express adds an ETag, and answers 304 to whoever has it.
  else response.type(file.slice(file.lastIndexOf('.'))).send(content)
}

function contentOf(file: string): Buffer | undefined {
  try {
    return readFileSync(new URL(`./page/${file}`, import.meta.url))
  } catch {
    // There is no such language.
    return undefined
  }
}
