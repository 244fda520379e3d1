import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Request, Response } from 'express'
import type { NodeAPI } from 'node-red'
import { RULE_WORDS } from '../rules/reply-rule-words.ts'
import { merged } from './merged-texts.ts'
import { ROUTES } from './route-table.ts'

/** Its script and its style: nothing else is there. */
const DIRECTORY = join(import.meta.dirname, 'page')

/** The texts of a language, such as `pt-BR.json`. */
const TEXTS = /^([a-z]{2,3}(?:-[A-Z]{2})?)\.json$/

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
      const [, language] = TEXTS.exec(params.file) ?? []
      if (language === undefined) send(response, params.file)
      else void sendTexts(response, language)
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

/** Sends what the page says in a language: the texts of the tab, and of the form what says a rule in words. */
async function sendTexts(response: Response, language: string): Promise<void> {
  try {
    const [tab, form] = await Promise.all([
      texts(language, 'operations', 'sidebar.json'),
      texts(language, '.', 'hl7-https-out.json')
    ])
    const rules = Object.fromEntries(RULE_WORDS.map((part) => [part, form[part]]))
    response.set(HEADERS).json({ tab, rules })
  } catch {
    response.status(404).end()
  }
}

/** Texts that Node-RED reads there for the editor; as it does, in English those that a language lacks. */
async function texts(
  language: string,
  directory: string,
  file: string
): Promise<Record<string, unknown>> {
  const [english, own] = await Promise.all(
    ['en-US', language].map(async (one) => {
      const path = join(import.meta.dirname, directory, 'locales', one, file)
      return JSON.parse(await readFile(path, 'utf8')) as object
    })
  )
  return merged(english ?? {}, own ?? {})
}
