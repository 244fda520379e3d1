import { join } from 'node:path'
import type { Request, Response } from 'express'
import type { NodeAPI } from 'node-red'
import { ROUTES } from './route-table.ts'

/** Scripts, styles, chunks that page and tab share, and the texts of each language: nothing else is there. */
const DIRECTORY = join(import.meta.dirname, 'page')

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
    ({ params }: Request<{ file: string }>, response: Response) => {
      send(response, params.file)
    }
  )
}

function send(response: Response, file: string): void {
  const options = { root: DIRECTORY, headers: HEADERS, cacheControl: false }
  response.sendFile(file, options, (error?: Error) => {
    // Otherwise Express would say where it looked.
    if (error !== undefined && !response.headersSent) response.status(404).end()
  })
}
