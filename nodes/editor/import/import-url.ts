import { urlProblem } from '../../../src/http-client/url-problem.ts'
import { note, type ImportNote } from './import-row.ts'
import { hasPlaceholder, hasReference, isSecret } from './shown-value.ts'

/** An address of a source as this node can have it, with what was changed. */
export interface ImportedUrl {
  /** Undefined if it cannot be taken. */
  url: string | undefined
  notes: ImportNote[]
}

/**
 * Takes over an address: `http:` becomes `https:`, except for this machine itself, and what does not belong in a URL
 * is left out. All of that is said.
 *
 * A key in its query is never taken: an address is a property, which anybody can read in the flow.
 *
 * @param isExport whether it is an export, and no command that was pasted
 */
export function importUrl(given: string, isExport: boolean): ImportedUrl {
  // As mail programs write an address.
  const text = given.trim().replace(/^<(https?:\/\/[^<>]+)>$/i, '$1')
  const notes: ImportNote[] = []
  if (hasReference(text)) return { url: undefined, notes: [note('urlVariable')] }
  // The first part of the path would become the host.
  if (/^\.{0,2}\//.test(text)) return { url: undefined, notes: [note('hostMissing')] }
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`)
  const isTwice = /[<>]/.test(text) && !hasPlaceholder(text)
  if (url === null || isTwice || !/^https?:$/.test(url.protocol)) {
    return { url: undefined, notes: [note('urlUnreadable')] }
  }
  if (url.username !== '' || url.password !== '') {
    url.username = ''
    url.password = ''
    notes.push(note('urlUserInfo'))
  }
  url.hash = ''
  if (url.protocol === 'http:' && urlProblem(url.href) === 'urlPlainHttp') {
    const { port } = url
    url.protocol = 'https:'
    // URL leaves out the port of the scheme: 80 of http: is now 443 of https:.
    notes.push(port === '' ? note('httpsNow') : note('httpsNowPort', { port }))
  }
  if (hasPlaceholder(text)) notes.push(note('placeholder'))
  const parameters = [...url.searchParams]
  const secrets = new Set(
    parameters.filter(([name, value]) => isSecret(name, value)).map(([name]) => name)
  )
  if (secrets.size > 0) {
    notes.push(note(isExport ? 'exportSecret' : 'urlSecret'))
    url.search = new URLSearchParams(parameters.filter(([name]) => !secrets.has(name))).toString()
  }
  return { url: url.href, notes }
}
